"""A token without one permission: one warning or error that names it, and the rest of the run."""

from __future__ import annotations

import pytest

from tests.github.scripted import Fault
from tests.github.scripted import running as github
from tests.github.test_event import payload_of
from tests.test_action import Step, merged, push, said, step

__all__ = ["step"]

DENIED = "Resource not accessible by integration"
CALLS = {
    "contents: read": ["/git/trees/.*", "/git/blobs/.*"],
    "pull-requests: write": ["/pulls.*", "/issues/.*"],
    "checks: write": ["/check-runs.*"],
    "deployments: write": ["/deployments.*"],
}


def denied(permission: str) -> list[Fault]:
    methods = ("GET", "POST", "PATCH", "DELETE")
    return [Fault(method, path, 403, DENIED) for path in CALLS[permission] for method in methods for _ in range(20)]


def remarks(out: list[str], permission: str) -> list[str]:
    return [line for line in out if line.startswith(("::warning", "::error")) and permission in line]


@pytest.mark.slow
@pytest.mark.parametrize("permission", ["contents: read", "pull-requests: write", "checks: write"])
def test_a_plan_names_the_permission_once(step: Step, permission: str) -> None:
    plan = payload_of("pull_request.opened")
    with github() as hub:
        merged(hub, step.house, plan)
        hub.canned["/pulls/2/files"] = [{"filename": "migrations/001_red.sql", "status": "added", "sha": "1"}]
        hub.canned["/pulls"] = []
        hub.faults = denied(permission)
        run = step.ended("pull_request", plan, {"GITHUB_API_URL": hub.url}, github_token="ours")
    assert run.status == (8 if permission == "contents: read" else 0), run.said
    assert len(remarks(said(run), permission)) == 1, said(run)
    assert len([line for line in said(run) if DENIED in line]) == 1, said(run)
    if permission != "pull-requests: write":
        assert len(hub.comments) == 1
        assert ("CANNOT BE READ" in hub.comments[0]["body"]) == (permission == "contents: read")


@pytest.mark.slow
@pytest.mark.parametrize("permission", ["pull-requests: write", "deployments: write"])
def test_an_apply_names_the_permission_once_and_applies(step: Step, permission: str) -> None:
    with github() as hub:
        pulls = f"/commits/{push()['after']}/pulls"
        base = {"ref": "main", "repo": {"default_branch": "main"}}
        pull = {"number": 7, "base": base, "head": {"sha": "b" * 40}, "merged_at": "2026-11-24T09:30:00Z"}
        hub.canned[pulls] = [{**pull, "merge_commit_sha": "a" * 40}]
        hub.faults = denied(permission)
        if permission == "pull-requests: write":
            hub.faults += [Fault("GET", pulls, 403, DENIED)]
        run = step.ended("push", push(), {"GITHUB_API_URL": hub.url}, github_token="ours")
    assert run.status == 0, run.said
    assert step.outputs["applied"] == "1"
    assert len(remarks(said(run), permission)) == 1, said(run)
