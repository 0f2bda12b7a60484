"""GitHub does not answer some calls of a run: what the next run corrects. Whole runs with a fake forge."""

from __future__ import annotations

from ctgitops.core.forge.forge import DeploymentState
from tests.github.test_event import payload_of
from tests.test_action_forge import MAIN, Scene, push, scene

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
