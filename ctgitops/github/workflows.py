"""Lists releases and workflow runs, and starts workflows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING

from ..core.forge.forge import PublishedRelease, WorkflowRun

if TYPE_CHECKING:
    from github.WorkflowRun import WorkflowRun as Run

    from .client import Client

MOST = 50
"""Maximum number of releases or runs to read, the newest first."""
_BY_API = "workflow_dispatch"
_BOT = "[bot]"
"""The suffix of a bot's login in REST responses, which GraphQL leaves out."""


def releases(client: Client) -> list[PublishedRelease]:
    """The published releases, newest first."""
    found = [r for r in islice(client.repository.get_releases(), MOST) if not r.draft]
    found.sort(key=lambda r: r.published_at, reverse=True)
    return [PublishedRelease(r.tag_name, r.prerelease) for r in found]


def runs_of(client: Client, workflow: str, ref: str) -> tuple[WorkflowRun, ...]:
    """The latest runs of a workflow for a branch or tag, newest first."""
    runs = islice(client.repository.get_workflow(workflow).get_runs(branch=ref), MOST)
    ours = client.login().removesuffix(_BOT)
    return tuple(
        WorkflowRun(
            run.id,
            run.head_sha,
            run.html_url,
            completed=run.status == "completed",
            succeeded=run.conclusion == "success",
            started_by_us=run.event == _BY_API and _login(run) == ours,
        )
        for run in runs
    )


def _login(run: Run) -> str:
    """The login of the account that started a run. Empty if the account was deleted."""
    return str(getattr(run.actor, "login", "")).removesuffix(_BOT)


def start(client: Client, workflow: str, ref: str, inputs: Mapping[str, str]) -> None:
    """Starts a workflow for a branch or tag. Does not retry, because a second run would need a second approval."""
    client.repository.get_workflow(workflow).create_dispatch(ref, dict(inputs), throw=True)
