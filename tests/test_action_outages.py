"""GitHub does not answer some calls of a run: what the next run corrects. Whole runs with a fake forge."""

from __future__ import annotations

import pytest

from ctgitops.action.deployment_log import DeploymentLog
from ctgitops.core.forge.forge import ChangedFile, DeploymentState, RecordComment
from ctgitops.core.ledger.ledger import Ledger
from tests.github.test_event import payload_of
from tests.test_action_forge import MAIN, Scene, html, opened, push, scene

__all__ = ["scene"]


def roll_back(scene: Scene, to: str = "0") -> int:
    asked = {"command": "rollback", "environment": "staging", "to": to}
    return scene.run("workflow_dispatch", payload_of("workflow_dispatch"), **asked)


def newest(scene: Scene) -> dict[int, DeploymentState]:
    """By its number, the newest state of each deployment."""
    return {number: state for number, state, _ in scene.forge.states}


def test_a_rollback_whose_end_github_did_not_take_is_never_a_success_later(scene: Scene) -> None:
    """Seen to fail: the deployment of the rollback became `success`, and that of the rolled-back commit stayed so."""
    assert scene.run("push", push()) == 0
    scene.forge.refuses = ("deployed",)
    assert roll_back(scene) == 0
    assert newest(scene) == {1: DeploymentState.SUCCESS}
    scene.forge.refuses = ()
    assert roll_back(scene) == 0
    assert newest(scene) == {1: DeploymentState.INACTIVE, 2: DeploymentState.INACTIVE}


def test_without_the_ledger_a_deployment_without_an_end_is_not_said_to_be_rolled_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen to fail: the deployment became `inactive`, because its migrations `are rolled back`."""
    assert scene.run("push", push()) == 0
    scene.forge.refuses = ("deployed",)
    assert roll_back(scene) == 0
    scene.forge.refuses = ()
    monkeypatch.setattr(DeploymentLog, "_ledger", Ledger())
    assert roll_back(scene) == 0
    assert newest(scene) == {1: DeploymentState.SUCCESS, 2: DeploymentState.ERROR}


def test_a_rollback_with_nothing_to_do_leaves_the_failed_deployment(scene: Scene) -> None:
    """Seen to fail with `success: all of its migrations are applied`, although the second one failed."""
    scene.house.migration("002_wrong", "create table red (id int);")
    assert scene.run("push", push()) == 6
    assert roll_back(scene, "1") == 0
    assert newest(scene) == {1: DeploymentState.FAILURE}


def test_a_deployment_that_github_did_not_take_is_made_by_the_next_run(scene: Scene) -> None:
    scene.forge.refuses = ("deploy",)
    assert scene.run("push", push()) == 0
    assert scene.forge.deployments == []
    scene.forge.refuses = ("deployments_to",)
    assert scene.run("push", push()) == 0
    assert scene.forge.deployments == [], "it is not known whether there is one"
    scene.forge.refuses = ()
    for _ in range(2):
        assert scene.run("push", push()) == 0
        assert [made.sha for made in scene.forge.deployments] == [MAIN]
        assert newest(scene) == {1: DeploymentState.SUCCESS}


def test_a_deployment_ends_after_the_record_so_the_next_run_finds_a_kill_between_them(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen to fail: killed after `success`, the comment said `pending` until the same run was started again."""
    ends: list[DeploymentState] = []
    kept = scene.forge.record

    def record(wanted: RecordComment) -> str | None:
        ends.extend(state for _, state, _ in scene.forge.ends)
        return kept(wanted)

    monkeypatch.setattr(scene.forge, "record", record)
    scene.house.migration("002_wrong", "create table red (id int);")
    assert scene.run("push", push()) == 6
    assert roll_back(scene) == 0
    assert len(scene.forge.comments) == 2
    assert ends == [DeploymentState.FAILURE], "only that of the earlier run"


@pytest.mark.parametrize("refused", ["files_of", "other_open"])
def test_a_plan_says_that_open_pull_requests_were_not_read(scene: Scene, refused: str) -> None:
    """Seen to fail: the page and the check were those of a plan without clashes."""
    scene.forge.files = (ChangedFile("migrations/001_red.sql", added=True),)
    scene.forge.refuses = (refused,)
    assert scene.run("pull_request", opened()) == 0
    title = scene.forge.comments[-1].body.splitlines()[0]
    assert title.startswith("### ❓")
    assert " · open pull requests NOT READ" in title
    assert "open pull requests were not read" in html(scene.forge.comments[-1].body)
    assert scene.forge.checks[-1].title.startswith("Nothing blocks the plans, but a part of them was not")


def test_a_killed_run_that_had_applied_its_plan_is_not_said_to_be_continued(scene: Scene) -> None:
    """Seen to fail: the run of the next commit claimed that it continued the plan, which was complete."""
    scene.forge.refuses = ("comment", "deployed")
    assert scene.run("push", push()) == 0
    scene.forge.refuses = ()
    scene.house.migration("002_blue", "create table blue (id int primary key);", down="drop table blue;")
    scene.forge.merged_by = 43
    assert scene.run("push", push()) == 0
    assert {comment.pull_request for comment in scene.forge.comments} == {42, 43}, "the record of the killed run too"
    words = {number: words for number, _, words in scene.forge.ends}
    assert words[1] == "the run ended without a result; a later run read in the ledger what is applied"
