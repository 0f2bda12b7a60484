"""Creates GitHub deployments, and sets the status of deployments and commits."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..core.forge.forge import CommitStatus, Deployment, DeploymentState, OldDeployment, name_in
from ..report.escape import one_line

if TYPE_CHECKING:
    from github.Deployment import Deployment as Made
    from github.DeploymentStatus import DeploymentStatus

    from .client import Client

MOST = 5
"""How many of a commit's deployments are searched for a queued deployment. Reads the newest first."""
TASK = "deploy:migrations"
DESCRIPTION = 140
NEWEST = 5
"""Number of earlier deployments to read. Each needs one of the 1,000 requests per hour."""


def begin(client: Client, deployment: Deployment) -> int:
    """Creates a deployment of exactly this commit, without GitHub's auto-merge and required checks. Returns its ID.

    If an earlier run left a queued deployment of the commit, continues this deployment instead. If GitHub does not list
    the deployments, creates one.
    """
    if (waiting := client.perhaps(lambda: _queued(client, deployment))) is not None:
        return waiting
    name = uuid4().hex

    def create() -> Made:
        return client.repository.create_deployment(
            ref=deployment.sha,
            task=_task(client),
            auto_merge=False,
            required_contexts=[],
            payload={"ctgitops": name},
            environment=deployment.environment,
            description=one_line(deployment.description, DESCRIPTION),
            production_environment=deployment.production,
        )

    def find() -> Made | None:
        made = client.repository.get_deployments(
            sha=deployment.sha, task=_task(client), environment=deployment.environment
        )
        return next((d for d in made if d.payload == {"ctgitops": name}), None)

    return client.once(create, find).id


def _task(client: Client) -> str:
    """The task of the workspace's deployments. Workspaces can have environments with the same name."""
    return f"{TASK}:{client.workspace}" if client.workspace else TASK


def _queued(client: Client, deployment: Deployment) -> int | None:
    made = client.repository.get_deployments(sha=deployment.sha, task=_task(client), environment=deployment.environment)
    for each in islice(made, MOST):
        newest = next(iter(each.get_statuses()), None)
        if newest and newest.state == DeploymentState.QUEUED.value:
            return each.id
    return None


def tell(client: Client, number: int, state: DeploymentState, description: str, url: str) -> None:
    """Adds a state to a deployment. The log link and the environment link of this state lead to the run."""
    deployment = client.repository.get_deployment(number)
    text = one_line(description, DESCRIPTION)
    link: dict[str, Any] = {"target_url": url, "environment_url": url} if url else {}

    def find() -> DeploymentStatus | None:
        return next((s for s in deployment.get_statuses() if (s.state, s.description) == (state.value, text)), None)

    client.once(lambda: deployment.create_status(state.value, description=text, **link), find)


def mark(client: Client, status: CommitStatus) -> None:
    """Sets the status of a commit. A repeated call does no harm, because only the newest status counts."""
    commit = client.repository.get_commit(status.sha)
    link: dict[str, Any] = {"target_url": status.url} if status.url else {}

    def send() -> bool:
        commit.create_status(
            status.state.value,
            description=one_line(status.description, DESCRIPTION),
            context=name_in(client.workspace, status.context),
            **link,
        )
        return True

    client.once(send, lambda: None)


def newest(client: Client, environment: str) -> tuple[OldDeployment, ...]:
    """The newest deployments to an environment, among those that ctgitops created. The newest is first."""
    made = client.repository.get_deployments(task=_task(client), environment=environment)
    return tuple(_old(deployment) for deployment in islice(made, NEWEST))


def _old(deployment: Made) -> OldDeployment:
    status = next(iter(deployment.get_statuses()), None)
    state, url = (status.state, status.target_url) if status else ("pending", "")
    return OldDeployment(deployment.id, state, url or "", deployment.created_at, deployment.sha)
