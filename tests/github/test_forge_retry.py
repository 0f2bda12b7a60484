"""Which requests are retried, which are not, and what errors say, against a fake GitHub with scripted failures."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from ctgitops.core.forge.forge import (
    Annotation,
    Check,
    Conclusion,
    Deployment,
    DeploymentState,
    Generation,
    Level,
    StickyComment,
)
from ctgitops.errors import ForgeError
from ctgitops.github.access import Access, RetryPolicy
from ctgitops.github.comment import whole
from ctgitops.github.forge import GitHubForge
from ctgitops.github.marker import Marker, read
from ctgitops.report.page import COMMENT_LIMIT

from .scripted import Fault, Scripted, running

QUICK = RetryPolicy(backoff=0.01, secondary=0.05, longest=3, timeout=2, between_writes=0, settle=0)
SHA = "a" * 40
INACCESSIBLE = "Resource not accessible by integration"


class World:
    """A scripted GitHub, a forge on it, and what it warned of."""

    def __init__(self, github: Scripted) -> None:
        self.github = github
        self.warnings: list[str] = []
        self.forge = self.forge_of("ours")
        self.forges = [self.forge]

    def forge_of(self, token: str, patience: RetryPolicy = QUICK, url: str = "") -> GitHubForge:
        return GitHubForge(Access(token, "o/r", url or self.github.url), self.warnings.append, patience=patience)

    def fail(self, method: str, path: str, status: int, **more: object) -> None:
        self.github.faults.append(Fault(method, path, status, **more))  # type: ignore[arg-type]


@pytest.fixture
def world() -> Iterator[World]:
    with running() as github:
        made = World(github)
        yield made
        made.forge.close()


def comment(
    body: str = "the plan\n", run: int = 1, attempt: int = 1, head: str = SHA, key: str = "plan"
) -> StickyComment:
    return StickyComment(7, key, Generation(run, attempt), head, body)


def check(count: int = 1) -> Check:
    remarks = tuple(Annotation("m.sql", n + 1, Level.WARNING, "Slow", f"remark {n}") for n in range(count))
    return Check("ctgitops / plan", SHA, Conclusion.FAILURE, "2 findings", "See the lines.", remarks)


def bodies(world: World) -> list[str]:
    return [row["body"].split("\n", 1)[1] for row in world.github.comments]


# ── what is sent again ──


@pytest.mark.parametrize("lands", [True, False])
def test_a_post_that_ends_in_502_leaves_one_comment(world: World, lands: bool) -> None:
    world.fail("POST", "/issues/7/comments", 502, lands=lands)
    assert world.forge.comment(comment())
    assert bodies(world) == ["the plan\n"]
    assert world.github.asked("POST") == (1 if lands else 2)


def test_a_patch_that_ends_in_502_is_sent_again(world: World) -> None:
    world.forge.comment(comment())
    world.fail("PATCH", "/issues/comments/1", 502)
    world.forge.comment(comment("another\n", run=2))
    assert bodies(world) == ["another\n"]
    assert world.github.asked("PATCH") == 2


def test_a_get_that_ends_in_502_is_sent_again(world: World) -> None:
    world.fail("GET", "/issues/7/comments", 502)
    world.fail("GET", "/issues/7/comments", 503)
    assert world.forge.comment(comment())
    assert len(world.github.comments) == 1


def test_a_secondary_limit_is_waited_for_even_by_a_post(world: World) -> None:
    text = "You have exceeded a secondary rate limit. Please wait"
    world.fail("POST", "/issues/7/comments", 403, message=text)
    world.fail("POST", "/issues/7/comments", 429, message=text)
    assert world.forge.comment(comment())
    assert (world.github.asked("POST"), bodies(world), world.warnings) == (3, ["the plan\n"], [])


def test_a_secondary_limit_that_never_ends_is_a_failure(world: World) -> None:
    for _ in range(20):
        world.fail("POST", "/issues/7/comments", 403, message="You have exceeded a secondary rate limit. Please wait")
    with pytest.raises(ForgeError, match="every retry failed") as raised:
        world.forge.comment(comment())
    assert world.github.asked("POST") == 1 + QUICK.tries
    assert "githubstatus.com" in raised.value.hint


@pytest.mark.parametrize("headers", [{"Retry-After": "3600"}, {"X-RateLimit-Reset": str(int(time.time()) + 3600)}])
def test_no_limit_is_waited_for_an_hour(world: World, headers: dict[str, str]) -> None:
    world.fail("GET", "/issues/7/comments", 403, message="API rate limit exceeded for installation", headers=headers)
    before = time.monotonic()
    with pytest.raises(ForgeError, match="403") as raised:
        world.forge.comment(comment())
    assert time.monotonic() - before < 2
    assert "later" in raised.value.hint
    assert world.warnings == []


@pytest.mark.parametrize("lands", [True, False])
def test_annotations_arrive_once(world: World, lands: bool) -> None:
    world.fail("POST", "/check-runs", 502, lands=lands)
    world.fail("PATCH", r"/check-runs/\d+", 502, lands=lands)
    world.forge.check(check(120))
    [run] = world.github.made["check-runs"]
    sent = world.github.canned[f"/check-runs/{run['id']}/annotations"]
    assert [a["message"] for a in sent] == [f"remark {n}" for n in range(120)]


@pytest.mark.parametrize("lands", [True, False])
def test_one_deployment_is_made(world: World, lands: bool) -> None:
    world.fail("POST", "/deployments", 502, lands=lands)
    number = world.forge.deploy(Deployment("staging", SHA, "x" * 300))
    [made] = world.github.made["deployments"]
    assert made["id"] == number
    assert (made["ref"], made["auto_merge"], made["required_contexts"]) == (SHA, False, [])
    assert len(made["description"]) == 140
    world.fail("POST", r"/deployments/\d+/statuses", 502, lands=lands)
    world.forge.deployed(made["id"], DeploymentState.SUCCESS, "y" * 300, "")
    [status] = world.github.made["statuses"]
    assert (status["state"], len(status["description"])) == ("success", 140)


def test_a_deployment_is_made_although_the_earlier_ones_are_not_listed(world: World) -> None:
    for _ in range(QUICK.tries + 1):
        world.fail("GET", "/deployments", 502)
    assert world.forge.deploy(Deployment("staging", SHA, "x")) == world.github.made["deployments"][0]["id"]


# ── what a token may not do ──


def test_a_missing_permission_is_told_once_and_the_run_goes_on(world: World, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        world.fail("POST", "/issues/7/comments", 403, message=INACCESSIBLE)
        world.fail("POST", "/check-runs", 403, message=INACCESSIBLE)
    for _ in range(2):
        assert world.forge.comment(comment()) is None
        world.forge.check(check())
    assert [("pull-requests: write" in w, "checks: write" in w) for w in world.warnings] == [
        (True, False),
        (False, True),
    ]
    assert all("permissions:" in w and INACCESSIBLE in w for w in world.warnings)
    assert caplog.records == []  # PyGithub's own go to stderr, past every escape


def test_not_found_may_be_a_missing_permission(world: World) -> None:
    world.fail("POST", "/deployments", 404, message="Not Found")
    assert world.forge.deploy(Deployment("staging", SHA, "x")) is None
    world.fail("POST", "/deployments/1/statuses", 404, message="Not Found")
    world.forge.deployed(1, DeploymentState.FAILURE, "x", "")
    [warning] = world.warnings
    assert "deployments: write" in warning


def test_what_decides_is_never_left_out(world: World) -> None:
    with pytest.raises(ForgeError, match=r"read the tag v1 in o/r .* 404") as raised:
        world.forge.commit_of_tag("v1")
    assert raised.value.hint == "check whether it exists; if it does, give the job `permissions: contents: read`"
    world.fail("GET", "/branches/main", 403, message=INACCESSIBLE)
    with pytest.raises(ForgeError, match="the branch main") as raised:
        world.forge.is_on("main", SHA)
    assert raised.value.hint == "give the job `permissions: contents: read`"


def test_a_token_that_is_not_accepted_is_a_failure_without_it(world: World) -> None:
    secret = "ghs_" + "s3cret" * 5
    forge = world.forge_of(f"{secret}\n")
    with pytest.raises(ForgeError, match="401") as raised:
        forge.comment(comment())
    forge.close()
    assert "github-token" in raised.value.hint
    assert secret not in str(raised.value) + raised.value.hint + repr(raised.value) + repr(Access(secret, "o/r"))
    world.fail("GET", "/branches/main", 422, message="what is ours doing?")
    with pytest.raises(ForgeError, match=r"what is \*\*\* doing"):
        world.forge.is_on("main", SHA)


def test_without_a_token_there_is_no_forge(world: World) -> None:
    with pytest.raises(ForgeError, match="no GitHub token"):
        world.forge_of(" ")


def test_a_github_that_is_not_there_is_a_failure(world: World) -> None:
    forge = world.forge_of("ours", RetryPolicy(tries=1, backoff=0.01), "http://127.0.0.1:1")
    with pytest.raises(ForgeError, match=r"cannot connect") as raised:
        forge.check(check())
    forge.close()
    assert "http://127.0.0.1:1" in raised.value.what
    assert raised.value.hint


# ── the comment ──


def test_a_marker_that_another_user_planted_is_not_touched(world: World) -> None:
    planted = whole(comment("ours, honestly\n"))
    world.github.answer("POST", "/repos/o/r/issues/7/comments", "theirs", {"body": planted})
    world.github.answer("POST", "/repos/o/r/issues/7/comments", "ours", {"body": f"> {planted}"})
    world.forge.comment(comment("first\n"))
    world.forge.comment(comment("second\n", run=2))
    assert [row["body"] for row in world.github.comments[:2]] == [planted, f"> {planted}"]
    assert [row["body"].split("\n", 1)[1] for row in world.github.comments[2:]] == ["second\n"]


def test_every_page_is_read_and_pages_are_large(world: World) -> None:
    for n in range(150):
        world.github.answer("POST", "/repos/o/r/issues/7/comments", "theirs", {"body": f"noise {n}"})
    world.forge.comment(comment("first\n"))
    world.github.log.clear()
    world.forge.comment(comment("second\n", run=2))
    assert [row["body"].split("\n", 1)[1] for row in world.github.comments[150:]] == ["second\n"]
    assert (world.github.asked("GET"), world.github.asked("PATCH")) == (5, 1), "the pull request, and twice two pages"


def test_who_we_are_is_learnt_from_our_own_comment(world: World) -> None:
    world.github.logins["ours"] = "anna"
    for run in (1, 2):
        world.fail("POST", "/graphql", 403, message=INACCESSIBLE)
        forge = world.forge_of("ours")
        forge.comment(comment(f"{run}\n", run=run))
        forge.close()
    assert bodies(world) == ["2\n"]
    assert world.github.comments[0]["id"] == 1


def test_an_older_run_does_not_overwrite(world: World) -> None:
    assert world.forge.comment(comment("new\n", run=9, attempt=2))
    assert world.forge.comment(comment("old\n", run=9, attempt=1)) is None
    assert bodies(world) == ["new\n"]


def test_equal_text_is_not_sent_again(world: World) -> None:
    url = world.forge.comment(comment(run=1))
    assert world.forge.comment(comment(run=2)) == url
    assert world.github.asked("PATCH") == 0
    world.github.comments[0]["body"] += "\nedited by hand"
    world.forge.comment(comment(run=3))
    assert bodies(world) == ["the plan\n"]
    world.forge.comment(comment(run=4, head="b" * 40))
    assert world.github.asked("PATCH") == 2


def test_keys_keep_apart(world: World) -> None:
    for key in ("plan", "other"):
        world.forge.comment(comment(f"{key}\n", key=key))
    assert bodies(world) == ["plan\n", "other\n"]


def test_what_races_left_is_healed_even_by_an_older_run(world: World) -> None:
    for run in (3, 5, 4):
        body = whole(comment(f"{run}\n", run=run))
        world.github.answer("POST", "/repos/o/r/issues/7/comments", "ours", {"body": body})
    assert world.forge.comment(comment("2\n", run=2)) is None
    assert [(row["id"], row["body"]) for row in world.github.comments] == [(1, whole(comment("5\n", run=5)))]


def test_a_slow_older_write_is_written_over(world: World) -> None:
    world.forge.comment(comment("1\n", run=1))
    real = world.github.answer
    late = [whole(comment("2\n", run=2))]

    def overtaken(method: str, target: str, token: str, body: object) -> object:
        answer = real(method, target, token, body)
        if method == "PATCH" and late:
            world.github.comments[0]["body"] = late.pop()
        return answer

    world.github.answer = overtaken  # type: ignore[assignment,method-assign]
    world.forge.comment(comment("3\n", run=3))
    assert bodies(world) == ["3\n"]


@pytest.mark.parametrize("filler", ["x" * 70_000, "line of text\n" * 7_000, "🟠" * 70_000])
def test_no_comment_is_longer_than_github_takes(filler: str) -> None:
    text = whole(comment(filler))
    assert COMMENT_LIMIT - 100 < len(text) <= COMMENT_LIMIT
    assert text.endswith("has the full text.)")
    assert len(whole(comment("x" * (COMMENT_LIMIT - len(whole(comment(""))))))) == COMMENT_LIMIT


def test_no_marker_ends_early() -> None:
    marker = Marker("a --> b <!--\n", Generation(1, 2), "-->", "x")
    assert str(marker).count("-->") == 1
    assert read(f"{marker}body") == marker
    assert read(f" {marker}body") is None
    assert read('<!-- ctgitops {"v":1} -->\nbody') is None
    assert read("<!-- ctgitops {[] -->\n") is None
    assert read("<!-- ctgitops {} -->\n") is None


# ── what is asked ──


def test_a_tag_is_peeled(world: World) -> None:
    def to(kind: str, sha: str) -> dict[str, object]:
        return {"object": {"type": kind, "sha": sha, "url": f"{world.github.url}/x"}}

    world.github.canned |= {
        "/git/ref/tags/v1": to("tag", "1" * 40),
        f"/git/tags/{'1' * 40}": to("tag", "2" * 40),
        f"/git/tags/{'2' * 40}": to("commit", SHA),
        "/git/ref/tags/tree": to("tree", "3" * 40),
        "/git/ref/tags/loop": to("tag", "4" * 40),
        f"/git/tags/{'4' * 40}": to("tag", "4" * 40),
    }
    assert world.forge.commit_of_tag("v1") == SHA
    for name in ("tree", "loop"):
        with pytest.raises(ForgeError, match="not to a commit"):
            world.forge.commit_of_tag(name)


@pytest.mark.parametrize(
    ("status", "on"), [("ahead", True), ("identical", True), ("behind", False), ("diverged", False)]
)
def test_a_commit_is_on_a_branch_whose_tip_is_ahead(world: World, status: str, on: bool) -> None:
    tip = "b" * 40
    world.github.canned["/branches/main"] = {"name": "main", "commit": {"sha": tip}}
    world.github.canned[f"/compare/{SHA}...{tip}"] = {"status": status}
    assert world.forge.is_on("main", SHA) is on
    assert world.forge.is_on("main", tip)


def test_only_a_merge_into_the_default_branch_brought_a_commit(world: World) -> None:
    def pull(number: int, base: str, merged: bool, sha: str = "c" * 40) -> dict[str, object]:
        at = "2026-11-24T09:30:00Z" if merged else None
        branch = {"ref": base, "repo": {"default_branch": "main"}}
        return {"number": number, "merged_at": at, "merge_commit_sha": sha, "base": branch}

    path = f"/commits/{SHA}/pulls"
    world.github.canned[path] = [pull(1, "main", merged=False), pull(2, "v1", merged=True)]
    assert world.forge.pull_request_of(SHA) is None
    world.github.canned[path] += [pull(3, "main", merged=True), pull(4, "main", True, SHA)]
    assert world.forge.pull_request_of(SHA) == 4


def test_other_pull_requests_that_add_migrations(world: World) -> None:
    def pull(number: int) -> dict[str, object]:
        return {"number": number, "url": f"{world.github.url}/repos/o/r/pulls/{number}"}

    def file(name: str, status: str = "added") -> dict[str, str]:
        return {"filename": name, "status": status}

    world.github.canned |= {
        "/pulls": [pull(n) for n in (9, 8, 7, 6)],
        "/pulls/9/files": [file(f"migrations/{n:03}_x.sql") for n in range(130)],
        "/pulls/7/files": [file("migrations/001_x.sql", "modified"), file("docs/migrations/2.md")],
        "/pulls/6/files": [file("migrations/004_y.sql", "renamed"), file("README.md")],
    }
    found = world.forge.other_open(than=8) or ()
    assert [(p.number, len(p.files)) for p in found] == [(6, 1), (9, 130)]
    assert [file.path for file in found[0].files] == ["migrations/004_y.sql"]
    assert ("GET", "/pulls/8/files") not in world.github.log


def test_importing_the_forge_does_not_import_pygithub() -> None:
    code = "import sys, ctgitops.github.forge; print('github' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout == b"False\n"
