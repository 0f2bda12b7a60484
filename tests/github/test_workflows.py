"""Releases, workflow runs and the start of a workflow, against a scripted GitHub."""

from __future__ import annotations

from typing import Any

import pytest

from ctgitops.core.forge.forge import PublishedRelease, WorkflowRun
from ctgitops.errors import ForgeError
from ctgitops.github.access import Access, RetryPolicy
from ctgitops.github.forge import GitHubForge

from .scripted import Fault, running

FAST = RetryPolicy(tries=2, backoff=0.01, between_writes=0, settle=0)
RUNS = "/actions/workflows/deploy.yml/runs"
START = "/actions/workflows/deploy.yml/dispatches"


def run(number: int, **more: Any) -> dict[str, Any]:
    made = {"id": number, "head_sha": "a" * 40, "html_url": f"https://github.com/o/r/actions/runs/{number}"}
    made |= {"status": "completed", "conclusion": "failure", "event": "release", "actor": {"login": "anna"}}
    return made | more


def test_runs_tell_whether_they_ended_how_and_who_started_them() -> None:
    ours = {"event": "workflow_dispatch", "actor": {"login": "github-actions[bot]"}}
    with running() as hub:
        hub.canned[RUNS] = {
            "total_count": 5,
            "workflow_runs": [
                run(4, status="waiting", conclusion=None, **ours),
                run(3, conclusion="success", **ours),
                run(2, event="workflow_dispatch"),
                run(1, actor=None),
                run(0, actor={"login": "github-actions[bot]"}),
            ],
        }
        found = GitHubForge(Access("ours", "o/r", hub.url), pytest.fail, patience=FAST).runs_of("deploy.yml", "v1.0.0")
        url = "https://github.com/o/r/actions/runs/"
        assert found == (
            WorkflowRun(4, "a" * 40, f"{url}4", completed=False, succeeded=False, started_by_us=True),
            WorkflowRun(3, "a" * 40, f"{url}3", completed=True, succeeded=True, started_by_us=True),
            WorkflowRun(2, "a" * 40, f"{url}2", completed=True, succeeded=False, started_by_us=False),
            WorkflowRun(1, "a" * 40, f"{url}1", completed=True, succeeded=False, started_by_us=False),
            WorkflowRun(0, "a" * 40, f"{url}0", completed=True, succeeded=False, started_by_us=False),
        )


def test_a_workflow_is_started_once_even_if_the_answer_is_lost() -> None:
    inputs = {"command": "apply", "environment": "production", "on-wait": "pass"}
    with running() as hub:
        forge = GitHubForge(Access("ours", "o/r", hub.url), pytest.fail, patience=FAST)
        forge.start("deploy.yml", "v1.0.0", inputs)
        (sent,) = hub.made["dispatches"]
        assert (sent["ref"], sent["inputs"]) == ("v1.0.0", inputs)
        hub.faults.append(Fault("POST", START, 502, lands=True))
        with pytest.raises(ForgeError, match=r"could not start deploy\.yml on v1\.1\.0"):
            forge.start("deploy.yml", "v1.1.0", inputs)
        assert len(hub.made["dispatches"]) == 2
        hub.faults.append(Fault("POST", START, 403, "Resource not accessible by integration"))
        with pytest.raises(ForgeError) as caught:
            forge.start("deploy.yml", "v1.1.0", inputs)
        assert "actions: write" in caught.value.hint


def test_releases_come_newest_first_without_drafts() -> None:
    def release(tag: str, day: int, **more: Any) -> dict[str, Any]:
        return {"id": day, "tag_name": tag, "draft": False, "prerelease": False,
                "published_at": f"2026-11-{day:02}T09:00:00Z", **more}  # fmt: skip

    with running() as hub:
        hub.canned["/releases"] = [
            release("v1.0.1", 12),
            release("v2.0.0", 30, draft=True, published_at=None),
            release("v1.1.0", 20),
            release("v1.2.0-rc.1", 25, prerelease=True),
        ]
        found = list(GitHubForge(Access("ours", "o/r", hub.url), pytest.fail, patience=FAST).releases())
    assert found == [
        PublishedRelease("v1.2.0-rc.1", prerelease=True),
        PublishedRelease("v1.1.0", prerelease=False),
        PublishedRelease("v1.0.1", prerelease=False),
    ]
