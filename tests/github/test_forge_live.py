"""The forge against a third-party emulator of GitHub, which validates each request with GitHub's API description."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ctgitops.core.forge.forge import (
    Annotation,
    Check,
    CommitState,
    CommitStatus,
    Conclusion,
    Deployment,
    DeploymentState,
    Generation,
    Level,
    Review,
    StickyComment,
    Suggestion,
)
from ctgitops.errors import ForgeError
from ctgitops.report.page import COMMENT_LIMIT

from .live import Live, numbers

pytestmark = pytest.mark.github


def comment(number: int, run: int, body: str) -> StickyComment:
    return StickyComment(number, f"plan-{number}", Generation(run, 1), "a" * 40, body)


def test_our_comment_behind_two_hundred_others(live: Live) -> None:
    number = live.pull_request()["number"]
    for n in range(200):
        live.call("POST", f"/issues/{number}/comments", {"body": f"noise {n}"})
    forge = live.forge()
    url = forge.comment(comment(number, 1, "first"))
    assert forge.comment(comment(number, 2, "second")) == url
    assert forge.comment(comment(number, 1, "late")) is None
    assert live.forge().comment(comment(number, 3, "third")) == url
    found = live.comments(number)
    assert len(found) == 201
    assert (found[-1]["html_url"], found[-1]["body"].split("\n", 1)[1]) == (url, "third")
    assert live.warnings == []


@pytest.mark.parametrize("exists", [False, True])
def test_five_runs_at_once_leave_the_newest(live: Live, exists: bool) -> None:
    for _ in range(3):
        number = live.pull_request()["number"]
        if exists:
            live.forge().comment(comment(number, 1, "plan 1"))
        together = threading.Barrier(5)

        def run(generation: int, number: int = number, together: threading.Barrier = together) -> None:
            forge = live.forge()
            together.wait()
            forge.comment(comment(number, generation, f"plan {generation}"))

        with ThreadPoolExecutor(5) as pool:
            list(pool.map(run, (4, 6, 2, 5, 3)))
        assert [c["body"].split("\n", 1)[1] for c in live.comments(number)] == ["plan 6"]


def test_a_comment_that_is_made_anew_folds_the_old_one_away(live: Live) -> None:
    number = live.pull_request()["number"]
    forge = live.forge()

    def say(run: int, body: str) -> str | None:
        return forge.comment(replace(comment(number, run, body), recreate=True))

    first = say(1, "first")
    assert say(2, "first") == first
    second = say(3, "second")
    assert second not in {None, first}
    assert say(2, "late") is None
    old, new = live.comments(number)
    assert (old["html_url"], new["html_url"]) == (first, second)
    assert old["body"] == "<!-- ctgitops, outdated -->\nfirst"
    assert [call for call, _ in live.calls()].count("POST /graphql") == 2, "who we are, and one to fold away"
    assert forge.comment(comment(number, 4, "third")) == second


def test_five_runs_at_once_that_make_it_anew_leave_one_that_is_ours(live: Live) -> None:
    number = live.pull_request()["number"]
    live.forge().comment(replace(comment(number, 1, "plan 1"), recreate=True))
    together = threading.Barrier(5)

    def run(generation: int) -> None:
        forge = live.forge()
        together.wait()
        forge.comment(replace(comment(number, generation, f"plan {generation}"), recreate=True))

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(run, (4, 6, 2, 5, 3)))
    ours = [c["body"].split("\n", 1)[1] for c in live.comments(number) if "outdated" not in c["body"].split("\n")[0]]
    assert ours == ["plan 6"]


def test_a_review_with_suggestions_is_one_as_github_describes_it(live: Live) -> None:
    """The gateway checks it by GitHub's description; emulate itself knows no review with lines, and says 422."""
    pull = live.pull_request("migrations/1_x.sql")
    fixes = (
        Suggestion("migrations/1_x.sql", 1, 1, ("a",), ("b",), "x"),
        Suggestion("migrations/1_x.sql", 2, 3, ("a",), (), "x"),
    )
    with pytest.raises(ForgeError, match="422"):
        live.forge().suggest(Review(pull["number"], pull["head"]["sha"], fixes))
    assert live.calls()[-1] == (f"POST /repos/{live.access.repository}/pulls/{pull['number']}/reviews", 422)


def test_the_longest_comment(live: Live) -> None:
    number = live.pull_request()["number"]
    assert live.forge().comment(comment(number, 1, "🟠 a line\n" * 9_000))
    assert COMMENT_LIMIT - 100 < len(live.comments(number)[0]["body"]) <= COMMENT_LIMIT


@pytest.mark.parametrize("count", [0, 1, 50, 51, 120])
def test_all_annotations_arrive(live: Live, count: int) -> None:
    sha = live.call("GET", "/branches/main")["commit"]["sha"]
    levels = list(Level)
    remarks = tuple(
        Annotation(
            "migrations/001_x.sql", n + 1, levels[n % 3], "t" * 300, "🟠" * 20_000 if n == 0 else f"{n}", n or None
        )
        for n in range(count)
    )
    name = f"ctgitops / plan {next(numbers)}"
    live.forge().check(Check(name, sha, Conclusion.NEUTRAL, "title", "s" * 70_000, remarks, "https://example.org/run"))
    runs = live.call("GET", f"/commits/{sha}/check-runs?per_page=100&check_name={name.replace(' ', '%20')}")[
        "check_runs"
    ]
    [found] = [run for run in runs if run["name"] == name]
    sent = live.call("GET", f"/check-runs/{found['id']}/annotations")
    lines = [a["start_line"] for a in sent]  # emulate keeps the last batch alone; GitHub adds it to the others
    assert len(lines) >= (count % 50 or min(count, 50))
    assert lines == list(range(1, count + 1))[-len(lines) or count :]
    calls = [c for c in live.calls() if "/check-runs" in c[0] and not c[0].startswith("GET")]
    assert [c[1] for c in calls] == [201, *[200] * ((max(count, 1) - 1) // 50)]
    assert (found["status"], found["conclusion"], len(found["output"]["summary"])) == ("completed", "neutral", 65_535)


def test_a_deployment_and_where_it_stands(live: Live) -> None:
    forge = live.forge()
    number = forge.deploy(Deployment("production", "c" * 40, "three migrations " * 20, production=True))
    assert number
    forge.deployed(number, DeploymentState.IN_PROGRESS, "", "https://example.org/run")
    forge.deployed(number, DeploymentState.SUCCESS, "1.4.0 " * 60, "")
    states = [s["state"] for s in live.call("GET", f"/deployments/{number}/statuses")]
    assert states == ["success", "in_progress"]
    assert live.call("GET", f"/deployments/{number}")["sha"] == "c" * 40


def test_pull_requests_and_commits(live: Live) -> None:
    name = next(numbers)
    ours = live.pull_request(f"migrations/{name}_ours.sql")
    other = live.pull_request(f"migrations/{name}_other.sql", f"docs/{name}.md")
    without = live.pull_request(f"docs/{name}.md")
    forge = live.forge()
    found = {p.number: p.files for p in forge.other_open(ours["number"]) or ()}
    assert [(f.path, f.added) for f in found[other["number"]]] == [(f"migrations/{name}_other.sql", True)]
    assert found[other["number"]][0].patch.endswith("+--")
    assert {f.path for f in forge.files_of(other["number"]) or ()} == {
        f"migrations/{name}_other.sql",
        f"docs/{name}.md",
    }
    assert not {ours["number"], without["number"]} & found.keys()

    head = live.call("GET", f"/pulls/{ours['number']}")["head"]["sha"]
    assert forge.pull_request_of(head) is None
    assert not forge.is_on("main", head)
    merged = live.call("PUT", f"/pulls/{ours['number']}/merge", {})["sha"]
    assert forge.pull_request_of(merged) == ours["number"]
    assert forge.is_on("main", merged)


def test_tags(live: Live) -> None:
    tag = f"v{next(numbers)}"
    live.call("POST", "/releases", {"tag_name": tag})
    assert len(live.forge().commit_of_tag(tag)) == 40
    with pytest.raises(ForgeError, match=f"read the tag {tag}x"):
        live.forge().commit_of_tag(f"{tag}x")


def test_the_status_of_a_commit_is_the_last_one_of_its_context(live: Live) -> None:
    sha = live.call("GET", "/branches/main")["commit"]["sha"]
    forge = live.forge()
    assert forge.tip_of("main") == sha
    for state in (CommitState.PENDING, CommitState.FAILURE):
        forge.status(CommitStatus(sha, "ctgitops / production", state, "w" * 200, "https://github.com/o/r/runs/1"))
    newest = live.call("GET", f"/commits/{sha}/status")["statuses"]
    assert next(s["state"] for s in newest if s["context"] == "ctgitops / production") == "failure"
    assert live.warnings == []


def test_releases_and_the_base_of_a_pull_request_are_read(live: Live) -> None:
    tag = f"v1.0.{next(numbers)}"
    sha = live.call("GET", "/branches/main")["commit"]["sha"]
    live.call("POST", "/releases", {"tag_name": tag, "target_commitish": sha})
    forge = live.forge()
    assert next(forge.releases()).tag == tag
    assert forge.base_of(live.pull_request()["number"]) == "main"


def test_the_request_that_starts_a_workflow_keeps_to_github_s_description(live: Live) -> None:
    """The emulator has no workflows; the gateway in front of it has checked the request by then."""
    with pytest.raises(ForgeError):
        live.forge().start("deploy.yml", "v1.0.0", {"command": "apply", "environment": "production", "on-wait": "pass"})
    assert any(call.endswith("/actions/workflows/deploy.yml/dispatches") for call, _ in live.calls())
    with pytest.raises(ForgeError):
        live.forge().runs_of("deploy.yml", "v1.0.0")


def test_a_queued_deployment_is_continued_and_an_ended_one_is_not(live: Live) -> None:
    sha = live.call("GET", "/branches/main")["commit"]["sha"]
    name = f"production-{next(numbers)}"
    forge, wanted = live.forge(), Deployment(name, sha, "2 migrations", production=True)
    first = forge.deploy(wanted)
    assert first is not None
    forge.deployed(first, DeploymentState.QUEUED, "waits until tomorrow", "https://github.com/o/r/runs/1")
    assert forge.deploy(wanted) == first
    forge.deployed(first, DeploymentState.SUCCESS, "applied", "https://github.com/o/r/runs/2")
    assert forge.deploy(wanted) not in (None, first)
    assert live.warnings == []
