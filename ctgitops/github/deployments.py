"""Creates GitHub deployments and sets their status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..core.forge.forge import Deployment, DeploymentState
from ..report.escape import one_line

if TYPE_CHECKING:
    from github.Deployment import Deployment as Made
    from github.DeploymentStatus import DeploymentStatus

    from .client import Client

TASK = "deploy:migrations"
DESCRIPTION = 140


def begin(client: Client, deployment: Deployment) -> int:
    """Creates a deployment of exactly this commit: turns off GitHub's auto-merge and required checks."""
    name = uuid4().hex

    def create() -> Made:
        return client.repository.create_deployment(
            ref=deployment.sha,
            task=TASK,
            auto_merge=False,
            required_contexts=[],
            payload={"ctgitops": name},
            environment=deployment.environment,
            description=one_line(deployment.description, DESCRIPTION),
            production_environment=deployment.production,
        )

    def find() -> Made | None:
        made = client.repository.get_deployments(sha=deployment.sha, task=TASK, environment=deployment.environment)
        return next((d for d in made if d.payload == {"ctgitops": name}), None)

    return client.once(create, find).id


def tell(client: Client, number: int, state: DeploymentState, description: str, url: str) -> None:
    """Adds a state to a deployment; its log and environment links lead to the run."""
    deployment = client.repository.get_deployment(number)
    text = one_line(description, DESCRIPTION)
    link: dict[str, Any] = {"target_url": url, "environment_url": url} if url else {}

    def find() -> DeploymentStatus | None:
        return next((s for s in deployment.get_statuses() if (s.state, s.description) == (state.value, text)), None)

    client.once(lambda: deployment.create_status(state.value, description=text, **link), find)
