"""Deployments that wait, and what continues them: whole runs of the Action with a fake forge and a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from ctgitops.core.forge.forge import CommitState, PublishedRelease, WorkflowRun
from tests.github.test_event import commented, payload_of
from tests.github.test_runner import outputs
from tests.report.test_hostile import harmless
from tests.servers import run as execute
from tests.test_action_forge import MAIN, Scene, html, opened, push, release, scene

__all__ = ["scene"]
pytestmark = pytest.mark.slow

NOW = datetime.now(UTC)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TOMORROW = DAYS[(NOW.weekday() + 2) % 7]
CLOSED = f"windows: [{{days: [{TOMORROW}], from: '02:00', to: '05:00', timezone: UTC}}]\n"


def production(scene: Scene, *more: str) -> None:
    url = scene.house.secrets["PRODUCTION_DATABASE_URL"]
    scene.house.environment("production", url, "after: staging\napply: {on: release, tags: 'v*'}\n" + "".join(more))


def given(scene: Scene) -> dict[str, str]:
    return outputs((scene.files / "output").read_text())


def scheduled(scene: Scene, **inputs: str) -> int:
    return scene.run("schedule", {"schedule": "47 * * * *"}, **inputs)


def resumed(scene: Scene) -> int:
    return scheduled(scene, command="resume", workflow="deploy.yml")


def dispatched(ref: str = "refs/tags/v1.0.0", **inputs: str) -> dict[str, Any]:
    payload = payload_of("workflow_dispatch") | {"ref": ref, "inputs": inputs}
    payload["repository"]["default_branch"] = "master"
    return payload


class InThirtyHours(datetime):
    """A clock that is 30 hours fast, while the ledgers are written by the clock of PostgreSQL."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> InThirtyHours:
        return cls.fromtimestamp((datetime.now(UTC) + timedelta(hours=30)).timestamp(), tz)


def test_a_release_in_a_closed_window_fails_the_step_with_a_queued_deployment_and_its_end(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    production(scene, CLOSED)
    assert scene.run("push", push()) == 0
    assert scene.run("release", release()) == 5
    opens = (NOW + timedelta(days=2)).replace(hour=2, minute=0, second=0)
    assert (given(scene)["waiting"], given(scene)["waits-until"]) == ("true", f"{opens:%Y-%m-%dT%H:%M:%SZ}")
    assert scene.forge.queued == [(2, f"waits until {opens:%Y-%m-%d %H:%M} UTC at the earliest")]
    assert scene.forge.deployments[-1].environment == "production"
    assert [(s.context, s.state) for s in scene.forge.statuses] == [
        ("ctgitops / staging", CommitState.SUCCESS),
        ("ctgitops / production", CommitState.PENDING),
    ]
    said = capsys.readouterr().out
    assert "command: resume" in said
    assert "::error title=ctgitops::production waits until" in said
    assert scene.tables("production") == 0


def test_on_wait_pass_and_a_schedule_make_a_wait_a_success(scene: Scene) -> None:
    production(scene, CLOSED)
    assert scene.run("push", push()) == 0
    assert scene.run("release", release(), on_wait="pass") == 0
    assert given(scene)["waiting"] == "true"
    staging = scene.house.secrets["STAGING_DATABASE_URL"]
    scene.house.environment("staging", staging, "apply: {on: push}\n" + CLOSED)
    scene.house.migration("002_blue", "create table blue ();")
    queued = len(scene.forge.queued)
    assert scheduled(scene, environment="staging") == 0
    assert given(scene)["waiting"] == "true"
    assert len(scene.forge.queued) == queued, "not once more each hour"
    assert scheduled(scene, environment="staging", on_wait="fail") == 5


def test_on_wait_pass_forgives_nothing_else(scene: Scene) -> None:
    production(scene, "reviewed: required\n", CLOSED)
    assert scene.run("push", push()) == 0
    scene.forge.shown = False
    assert scene.run("release", release(), on_wait="pass") == 5
    assert given(scene)["waiting"] == "false"
    assert scene.forge.queued == []


def test_a_plan_that_waits_asks_for_no_approval(scene: Scene) -> None:
    """The shipped deploy.yml skips its job `apply`, which asks for the approval, if `waiting` is true."""
    production(scene, CLOSED)
    assert scene.run("push", push()) == 0
    inputs = {"environment": "production", "dry_run": "true"}
    assert scene.run("release", release(), on_wait="fail", **inputs) == 5
    assert (given(scene)["waiting"], given(scene)["fingerprint"]) == ("true", "none")
    assert [number for number, _ in scene.forge.queued] == [2]
    until = f"{given(scene)['waits-until'][:10]} 02:00 UTC"
    (row,) = [line for line in scene.summary.splitlines() if line.startswith("| <b>production</b>")]
    assert row.endswith(f" | window, until {until} at the earliest |"), "seen to fail with the hint, and its backticks"
    record = html(scene.forge.comments[-1].body)
    assert "outside this environment's windows" in record
    assert "publish a release" not in record, "it is published"
    assert "the next scheduled run continues it, as in drift.yml; without one, [re-run the job]" in record
    assert scene.run("release", release(), on_wait="pass", **inputs) == 0
    assert scene.run("release", release(), command="plan", environment="production") == 0
    assert len(scene.forge.queued) == 2, "a plan that nothing follows queues nothing"
    production(scene)
    assert scene.run("release", release(), on_wait="fail", **inputs) == 0
    assert (given(scene)["waiting"], given(scene)["waits-until"], given(scene)["fingerprint"] != "none") == (
        "false",
        "",
        True,
    )
    record = html(scene.forge.comments[-1].body)
    assert record.startswith("### ✅ Applied to staging · production WAITS for an approval of its plan\n")
    assert "read the plan in [the run](https://github.example/" in record
    assert "a reviewer of the environment" in record
    assert scene.run("release", release(), environment="production", fingerprint=given(scene)["fingerprint"]) == 0
    assert scene.forge.comments[-1].body.startswith("### ✅ Applied to staging and production")


def test_a_release_whose_plan_is_refused_is_in_the_record(scene: Scene) -> None:
    """Seen to fail with `publish a release`, although the release was published."""
    production(scene, "reviewed: required\n")
    assert scene.run("push", push()) == 0
    inputs = {"environment": "production", "dry_run": "true", "on_wait": "fail"}
    scene.forge.shown = False
    assert scene.run("release", release(), **inputs) == 5
    record = html(scene.forge.comments[-1].body)
    assert "production WAITS for a review, nothing was changed" in record
    scene.forge.shown = True
    scene.house.migration("001_blue", "create table blue ();")
    assert scene.run("release", release(), **inputs) == 3
    record = html(scene.forge.comments[-1].body)
    assert record.startswith("### ⛔ Applied to staging · production is BLOCKED, nothing was changed")
    assert "publish a release" not in record.split("after its merge")[0]


def files_at(scene: Scene, tag: str, sha: str) -> None:
    """A commit with the files of now, released with a tag."""
    root = scene.house.root
    scene.forge.commits[sha] = {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}
    scene.forge.tags[tag] = sha
    scene.forge.published.insert(0, PublishedRelease(tag, prerelease=False))


@pytest.fixture
def releases(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Staging has v1.0.0 for 30 hours, and not yet v1.1.0; the default branch is ahead of both."""
    production(scene, "bake: 24h\n")
    files_at(scene, "v1.0.0", "1" * 40)
    assert scene.run("push", push()) == 0
    monkeypatch.setattr("ctgitops.wiring.wiring.datetime", InThirtyHours)
    scene.house.migration("002_blue", "create table blue ();")
    files_at(scene, "v1.1.0", "2" * 40)
    scene.house.migration("003_green", "create table green ();")
    return scene


def test_the_newest_release_whose_wait_has_ended_is_started_at_its_tag(releases: Scene) -> None:
    releases.forge.published.insert(0, PublishedRelease("v2.0.0-rc.1", prerelease=False))
    releases.forge.published.insert(0, PublishedRelease("nightly", prerelease=False))
    assert resumed(releases) == 0
    asked = {"command": "apply", "environment": "production", "on-wait": "pass"}
    assert releases.forge.started == [("deploy.yml", "v1.0.0", asked)]
    assert "started deploy.yml for v1" in releases.summary
    assert releases.tables("production") == 0, "the workflow that it starts applies"
    assert releases.run("push", push()) == 0
    assert resumed(releases) == 0
    assert [ref for _, ref, _ in releases.forge.started] == ["v1.0.0", "v1.1.0"]


def test_a_run_that_awaits_its_approval_or_failed_is_not_started_again(releases: Scene) -> None:
    for completed, words in ((False, "an earlier one is in progress"), (True, "failed or was rejected")):
        releases.forge.workflow_runs["v1.0.0"] = (
            WorkflowRun(5, "1" * 40, "https://github.example/5", completed, succeeded=False, started_by_us=True),
        )
        assert resumed(releases) == 0
        assert words in releases.summary
    assert releases.forge.started == []


def test_an_environment_that_cannot_be_read_fails_the_run_and_not_the_others(releases: Scene) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    releases.house.environment("other", nowhere, f"apply: {{on: push}}\n{CLOSED}")
    assert resumed(releases) != 0
    assert [ref for _, ref, _ in releases.forge.started] == ["v1.0.0"]


def test_a_tag_that_is_not_on_the_default_branch_is_left_out(
    releases: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    releases.forge.on_branch = False
    assert resumed(releases) == 0
    assert releases.forge.started == []
    assert "the commit of the tag v1.1.0 is not on master" in capsys.readouterr().out


def test_without_the_permission_the_hint_names_it(releases: Scene) -> None:
    releases.forge.refuses = ("start",)
    assert resumed(releases) == 8
    assert "actions: write" in releases.summary


def test_staging_is_continued_on_the_default_branch_by_the_same_workflow(scene: Scene) -> None:
    staging = scene.house.secrets["STAGING_DATABASE_URL"]
    today = f"windows: [{{days: [{', '.join(DAYS)}], from: '00:00', to: '23:59', timezone: UTC}}]\n"
    scene.house.environment("staging", staging, f"apply: {{on: push}}\n{CLOSED}")
    assert scene.run("push", push()) == 5
    assert resumed(scene) == 0
    assert "staging: master waits until" in scene.summary
    scene.house.environment("staging", staging, f"apply: {{on: push}}\n{today}")
    assert resumed(scene) == 0
    assert [(ref, inputs["environment"]) for _, ref, inputs in scene.forge.started] == [("master", "staging")]
    assert scene.run("workflow_dispatch", dispatched("refs/heads/master", **scene.forge.started[0][2])) == 0
    assert scene.tables("staging") == 1
    assert resumed(scene) == 0
    assert len(scene.forge.started) == 1


def test_a_manual_run_at_the_tag_applies_what_was_planned(scene: Scene) -> None:
    production(scene)
    assert scene.run("push", push()) == 0
    named = {"command": "apply", "environment": "production"}
    assert scene.run("workflow_dispatch", dispatched(), dry_run="true", on_wait="fail", **named) == 0
    fingerprint = given(scene)["fingerprint"]
    applied = scene.run("workflow_dispatch", dispatched(), fingerprint=fingerprint, require_fingerprint="true", **named)
    assert applied == 0
    assert scene.tables("production") == 1


def test_a_rollback_by_hand_is_shown_then_accepted_then_made(scene: Scene) -> None:
    assert scene.run("push", push()) == 0
    execute(scene.house.secrets["STAGING_DATABASE_URL"], "insert into red values (1)")
    back = {"command": "rollback", "environment": "staging", "to": "0"}
    master = dispatched("refs/heads/master")
    assert scene.run("workflow_dispatch", master, dry_run="true", **back) == 0
    assert "the input <code>accept-data-loss: 001_red</code>" in html(scene.summary)
    assert "<code>command: rollback</code>" in html(scene.summary)
    assert "<code>ctgitops rollback" not in html(scene.summary)
    assert given(scene)["fingerprint"] == "none", "the rollback would refuse it, so nothing is to be approved"
    assert "approve the job" not in scene.summary
    (scene.files / "summary").write_text("")
    (scene.files / "output").write_text("")
    assert scene.run("workflow_dispatch", master, dry_run="true", accept_data_loss="001_red", **back) == 0
    assert "start the workflow with <code>command: rollback" in html(scene.summary), "no job of this run applies it"
    (scene.files / "summary").write_text("")
    accepted = {**back, "accept_data_loss": "001_red", "on_wait": "fail"}
    assert scene.run("workflow_dispatch", master, dry_run="true", **accepted) == 0
    assert "then approve the job for <code>staging</code>: it carries out this plan" in html(scene.summary)
    assert "start the workflow" not in scene.summary
    shown = {"fingerprint": given(scene)["fingerprint"], "require_fingerprint": "true"}
    assert scene.run("workflow_dispatch", master, **back, **shown) == 5
    assert scene.tables("staging") == 1
    assert scene.run("workflow_dispatch", master, accept_data_loss="001_red", **back, fingerprint="0" * 64) == 5
    assert scene.run("workflow_dispatch", master, accept_data_loss="001_red", **back, **shown) == 0
    assert scene.tables("staging") == 0


COMMANDS = [{"command": name} for name in ("plan", "status", "drift", "unlock")]


@pytest.mark.parametrize("inputs", [*COMMANDS, {"command": "apply", "dry_run": "true"}, {"dry_run": "true"}])
def test_a_tag_is_proved_before_it_is_planned(scene: Scene, inputs: dict[str, str]) -> None:
    scene.forge.on_branch = False
    assert scene.run("release", release(), environment="production", **inputs) == 5
    assert "is not on master" in scene.summary
    if "command" in inputs:
        assert scene.run("workflow_dispatch", dispatched(), environment="production", **inputs) == 5


def test_a_pull_request_into_another_branch_connects_where_the_default_branch_says(scene: Scene) -> None:
    payload = opened()
    payload["pull_request"]["base"]["ref"] = "topic"
    theirs = {"environments/staging.yaml": b"environment: staging\ndatabase: {url: '${PRODUCTION_DATABASE_URL}'}\n"}
    scene.forge.commits[payload["pull_request"]["base"]["sha"]] = theirs
    scene.forge.commits["tip of master"] = {}
    assert scene.run("pull_request", payload) == 0
    assert "2 databases NOT READ" in scene.summary, "the default branch has no manifest"
    scene.forge.commits["tip of master"] = {
        "environments/staging.yaml": b"environment: staging\ndatabase: {url: '${STAGING_DATABASE_URL}'}\n"
    }
    assert scene.run("pull_request", payload) == 0
    assert "1 database NOT READ" in scene.summary
    page = html(scene.forge.comments[-1].body)
    assert "The base branch of this pull request is not master: its merge applies nothing." in page.split("\n\n")[1]
    assert "| a later merge into master |" in page, "seen to fail with `the merge`, which applies nothing"


def test_a_comment_on_a_pull_request_that_was_merged_elsewhere_applies_nothing(scene: Scene) -> None:
    scene.forge.permissions = {"Codertocat": "write"}
    payload = commented("/ctgitops apply staging")
    scene.forge.bases[payload["issue"]["number"]] = "topic"
    assert scene.run("issue_comment", payload) == 5
    assert "was merged into topic, not into master" in scene.summary
    assert scene.tables("staging") == 0


def test_the_answer_to_hostile_words_is_harmless(scene: Scene) -> None:
    scene.forge.permissions = {"Codertocat": "write"}
    assert scene.run("issue_comment", commented("/ctgitops @octocat #1 <img src=x> ```x ::error::y")) == 0
    harmless(scene.forge.comments[-1].body)


def test_drift_and_a_failed_production_are_statuses_of_the_commit(scene: Scene) -> None:
    production(scene)
    assert scene.run("push", push()) == 0
    assert scene.run("release", release()) == 0
    scene.house.migration("002_wrong", "select 1 / 0;")
    assert scene.run("push", push()) == 6
    execute(scene.house.secrets["PRODUCTION_DATABASE_URL"], "alter table red add column drifted int")
    assert scheduled(scene, command="drift") == 1
    last = {status.context: (status.sha, status.state) for status in scene.forge.statuses}
    assert last == {
        "ctgitops / staging": (MAIN, CommitState.FAILURE),
        "ctgitops / production": (MAIN, CommitState.SUCCESS),
        "ctgitops / drift (staging)": (MAIN, CommitState.SUCCESS),
        "ctgitops / drift (production)": (MAIN, CommitState.FAILURE),
    }
    scene.forge.refuses = ("status",)
    assert scheduled(scene, command="drift") == 1


def test_a_repair_is_shown_before_it_is_made(scene: Scene) -> None:
    assert scene.run("push", push()) == 0
    master = dispatched("refs/heads/master")
    assert scene.run("workflow_dispatch", master, command="rollback", environment="staging", to="0") == 0
    repair = {"command": "repair", "environment": "staging", "again": "001", "reason": "it was not the cause"}
    assert scene.run("workflow_dispatch", master, dry_run="true", **repair) == 0
    assert "dry run: nothing was changed" in scene.summary
    assert "approve" not in scene.summary
    assert scene.run("workflow_dispatch", master, dry_run="true", on_wait="fail", **repair) == 0
    assert "next: approve the job for <code>staging</code>" in html(scene.summary)
    assert "staging: <code>001</code> could be applied again" in html(scene.summary)
    assert scene.run("push", push()) != 0
    assert scene.run("workflow_dispatch", master, **repair) == 0
    assert scene.run("push", push()) == 0


def run_plan(scene: Scene, **inputs: str) -> str:
    """The first lines of the page of the job `plan` in deploy.yml, started by hand or by `resume` at the tag."""
    (scene.files / "summary").write_text("")
    given = {"command": "apply", "environment": "production", "dry_run": "true", "on_wait": "pass", **inputs}
    scene.run("workflow_dispatch", dispatched(command="apply"), **given)
    return html(scene.summary)


def test_the_plan_of_a_run_by_hand_asks_for_its_approval(scene: Scene) -> None:
    production(scene)
    assert scene.run("push", push()) == 0
    said = run_plan(scene)
    assert "production with this run" in said.partition("\n")[0]
    assert "Approving the job for <b>production</b> applies this plan, and no other." in said
    assert "an approval |" in said
    assert "next release" not in said
    assert "on the next release" in run_plan(scene, on_wait="auto").partition("\n")[0], "no apply follows"


def test_the_plan_of_a_run_by_hand_that_apply_would_refuse_is_nothing_to_approve(scene: Scene) -> None:
    production(scene)
    said = run_plan(scene)
    assert "MUST WAIT" in said.partition("\n")[0]
    assert "There is nothing to approve yet" in said
    assert given(scene)["fingerprint"] == "none"


def test_a_plan_that_waits_says_what_continues_it_and_not_to_approve_it(scene: Scene) -> None:
    production(scene, CLOSED)
    assert scene.run("push", push()) == 0
    for said in (run_plan(scene), run_plan(scene, on_wait="fail")):
        assert "There is nothing to approve yet, because <b>production</b> waits: " in said
        assert "When the wait ends, the next scheduled run with <code>command: resume</code>" in said
        assert "an approval" not in said.partition("<details>")[0]
        assert "Approve the job" not in said
        assert "Refused by gates" not in said
