"""The GitHub deployment of one run to one environment, and unfinished deployments of earlier runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from ..core.environment.environment import Environment, Trigger
from ..core.forge.forge import Deployment, DeploymentState, OldDeployment
from ..core.plan.plan import Direction, Plan
from ..core.run.progress import PlanStarted, Progress
from ..errors import CtgitopsError
from ..report.phrases import count
from .job import Job

SHA = re.compile(r"[0-9a-f]{40}")
_OPEN = ("pending", "in_progress")
"""States of a deployment without a result. A `queued` deployment waits until a later run continues or replaces it."""
_FAILED = (DeploymentState.FAILURE.value, DeploymentState.ERROR.value)
_SETTLED = "a later run found that all of its migrations are applied"
_LOST = "the run ended without a result; a later run continued its plan"


@dataclass
class DeploymentLog:
    """The deployment of a run. It begins when the run begins its plan, and always gets a final state."""

    job: Job
    environment: Environment
    sha: str
    plan: Plan | None = None
    """The plan of the run. None until the run begins the plan."""
    lost_runs: list[str] = field(default_factory=list)
    """The URLs of earlier runs that did not set a final state of their deployment."""
    _number: int | None = None
    _success: DeploymentState = DeploymentState.SUCCESS

    def hear(self, progress: Progress) -> None:
        """Creates the deployment when the run begins its plan. The run then holds the run lock."""
        if not isinstance(progress, PlanStarted):
            return
        self.plan = progress.plan
        sha = self._deployed(progress.plan)
        if SHA.fullmatch(sha):
            words = f"{self._words(progress.plan)}, plan {progress.plan.fingerprint[:12]}"
            live = self.environment.trigger is Trigger.RELEASE
            self._number = self.job.github_writer.deploy(Deployment(self.environment.name, sha, words, production=live))
            self._tell(DeploymentState.IN_PROGRESS, words)

    def close_lost(self, *, up_to_date: bool = False) -> None:
        """Closes the deployments of killed runs. They have ended, because only one run can hold the run lock.

        A deployment that began after this run may belong to an active run, and is not closed. If this run found the
        environment `up_to_date`, the newest deployment of its commit was successful, whatever the end of its run.
        """
        newest = max((old.number for old in self._earlier), default=None)
        for old in self._earlier:
            settled = up_to_date and old.number == newest and old.sha == self.sha and _before(old, self.job.started)
            if old.state in _OPEN and old.number != self._number and _before(old, self.job.started):
                self.lost_runs.append(old.run_url)
                if not settled:
                    self.job.github_writer.deployed(old.number, DeploymentState.ERROR, _LOST, old.run_url or self._url)
            if settled and old.state in (*_OPEN, *_FAILED):
                self.job.github_writer.deployed(old.number, DeploymentState.SUCCESS, _SETTLED, self._url)

    def end(self, *, success: bool, words: str) -> None:
        """Sets the final state, and closes earlier deployments whose state is no longer true.

        After a rollback, no earlier deployment is active. After an apply, no older deployment waits.
        """
        if self._number is None:
            return
        self._tell(self._success if success else DeploymentState.FAILURE, words)
        if not success or self.plan is None:
            return
        ended = "success" if self.plan.direction is Direction.ROLLBACK else DeploymentState.QUEUED.value
        for old in self._earlier:
            if old.state == ended and old.number < self._number:
                self.job.github_writer.deployed(old.number, DeploymentState.INACTIVE, words, old.run_url or self._url)

    def _deployed(self, plan: Plan) -> str:
        """The commit that counts as deployed after the run.

        After a rollback, this is the commit of the newest remaining migration. The newest commit still contains the
        rolled-back migration. If the commit is unknown, or also added a rolled-back migration, the deployment ends as
        inactive.
        """
        if plan.direction is Direction.APPLY:
            return self.sha
        undone = {step.number for step in plan.steps}
        try:
            order = self.job.wiring.databases.of(self.environment).ledger().in_order
        except CtgitopsError:
            order = ()
        left = [entry.commit_sha or "" for entry in order if entry.number not in undone]
        gone = {entry.commit_sha for entry in order if entry.number in undone} | {self.sha, ""}
        if left and left[-1] not in gone:
            return left[-1]
        self._success = DeploymentState.INACTIVE
        return self.sha

    def _words(self, plan: Plan) -> str:
        if plan.direction is Direction.APPLY:
            return count(len(plan.steps), "migration")
        return f"rollback of {', '.join(step.name for step in plan.steps[:2])}"

    @cached_property
    def _earlier(self) -> tuple[OldDeployment, ...]:
        return self.job.github_writer.deployments_to(self.environment.name)

    @property
    def _url(self) -> str:
        return self.job.wiring.origin.run_url

    def _tell(self, state: DeploymentState, words: str) -> None:
        if self._number is not None:
            self.job.github_writer.deployed(self._number, state, words, self._url)


def _before(old: OldDeployment, moment: datetime) -> bool:
    return old.created_at is None or old.created_at.replace(tzinfo=old.created_at.tzinfo or UTC) < moment
