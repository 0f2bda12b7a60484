"""The load in the Action: in the record and its warnings, on a schedule, and in a job that is cancelled."""

from __future__ import annotations

import pytest

from tests.github.scripted import Scripted
from tests.servers import fetch
from tests.stories.house import until
from tests.test_action import Step, push, step, tables
from tests.test_action_cancelled import hub
from tests.test_action_forge import Scene, scene

__all__ = ["hub", "scene", "step"]
pytestmark = pytest.mark.slow
MEASURED = "apply: {{on: push}}\nperformance: {{within: {}, before: 0s}}\n"


def test_the_record_and_a_warning_have_what_was_found(scene: Scene) -> None:
    scene.house.environment("staging", scene.house.secrets["STAGING_DATABASE_URL"], MEASURED.format("1s"))
    assert scene.run("push", push()) == 0
    assert "performance UNKNOWN: the statements could not be measured" in scene.summary
    body = scene.forge.comments[-1].body
    assert "<b>not measured</b>: the statements: the extension pg" in body.replace("&#95;", "_").replace("\u200b", "")


def test_traffic_is_sampled_on_a_schedule(scene: Scene) -> None:
    def sampled() -> int:
        return scene.run("schedule", {"schedule": "47 * * * *"}, command="traffic", environment="staging")

    assert sampled() == 0
    assert "staging: load NOT SAMPLED: the ledger of staging" in scene.summary
    how = "start the workflow with <code>command: apply</code>, <code>environment: staging</code> once"
    assert f"{how}: it upgrades the ledger" in scene.summary
    assert scene.run("push", push()) == 0
    assert sampled() == 0
    assert "quiet hours UNKNOWN: there are samples of 0 days, but at least 3 are necessary" in scene.summary


def test_a_job_that_is_cancelled_while_it_measures_has_applied_everything(step: Step, hub: Scripted) -> None:
    url = step.house.secrets["STAGING_DATABASE_URL"]
    step.house.environment("staging", url, MEASURED.format("5h"))
    running = step.start("push", push(), {"GITHUB_API_URL": hub.url}, github_token="ours")
    until(
        lambda: (
            fetch(url, "select to_regclass('ctgitops.performance') is not null")[0][0]
            and fetch(url, "select from ctgitops.performance where moment = 'after'")
            and fetch(url, "select from ctgitops.lease where ended is not null")
        )
    )
    running.terminate()
    ended = running.ended()
    assert ended.status == 0, ended.said
    assert tables(step, "staging") == ["red"]
    assert "the run was asked to stop before the end of `within`" in ended.words
    assert hub.made["statuses"][-1]["state"] == "success"
