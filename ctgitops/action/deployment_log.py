"""The GitHub deployment of one run to one environment, and unfinished deployments of earlier runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from ..core.environment.environment import Environment, Trigger
from ..core.forge.forge import Deployment, DeploymentState, OldDeployment
from ..core.ledger.ledger import Ledger, Mark
from ..core.plan.plan import Direction, Plan
from ..core.run.progress import PlanStarted, Progress
from ..errors import CtgitopsError
from ..report.phrases import count
from .job import Job

SHA = re.compile(r"[0-9a-f]{40}")
_OPEN = ("pending", "in_progress")
"""States of a deployment without a result. A `queued` deployment waits until a later run continues or replaces it."""
_FAILED = (DeploymentState.FAILURE.value, DeploymentState.ERROR.value)
_SUCCESS = DeploymentState.SUCCESS.value
_SETTLED = "a later run found that all of its migrations are applied"
_UNDONE = "a later run found that its migrations are rolled back"
_LOST = "the run ended without a result; a later run read in the ledger what is applied"


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
        words = f"{self._words(progress.plan)}, plan {progress.plan.fingerprint[:12]}"
        self._number = self._begin(sha, words)
        self._tell(DeploymentState.IN_PROGRESS, words)

    def _begin(self, sha: str, words: str) -> int | None:
        if not SHA.fullmatch(sha):
            return None
        live = self.environment.trigger is Trigger.RELEASE
        return self.job.github_writer.deploy(Deployment(self.environment.name, sha, words, production=live))

    def close_lost(self, up_to_date: Plan | None = None) -> None:
        """Closes the deployments of killed runs. They have ended, because only one run can hold the run lock.

        A deployment that began after this run may belong to an active run, and is not closed. `up_to_date` is the plan
        of a run that had nothing to do. The states of earlier deployments are then corrected, whatever the end of their
        runs.
        """
        back = up_to_date is not None and up_to_date.direction is Direction.ROLLBACK
        settled = self._settled_by_rollback() if back else self._settled_by_apply() if up_to_date else {}
        for old in self._earlier or ():
            lost = old.state in _OPEN and old.number != self._number and _before(old, self.job.started)
            if lost:
                self.lost_runs += [old.run_url] if old.run_url else self._runs_of(old.sha)
            state, words = settled.get(old.number, (DeploymentState.ERROR, _LOST))
            if lost or old.number in settled:
                url = self._url if state is DeploymentState.SUCCESS else old.run_url or self._url
                self.job.github_writer.deployed(old.number, state, words, url)

    def _settled_by_apply(self) -> dict[int, tuple[DeploymentState, str]]:
        """The correct state of the newest deployment, by its number: all migrations of this commit are applied.

        If GitHub did not accept a deployment of this commit, creates the deployment.
        """
        known = self._earlier is None or any(old.sha == self.sha for old in self._earlier)
        if not known and self._is_newest_in_ledger(self.sha) and (number := self._begin(self.sha, _SETTLED)):
            self.job.github_writer.deployed(number, DeploymentState.SUCCESS, _SETTLED, self._url)
        newest = self._newest
        if newest and newest.sha == self.sha and newest.state in (*_OPEN, *_FAILED):
            return {newest.number: (DeploymentState.SUCCESS, _SETTLED)}
        return {}

    def _settled_by_rollback(self) -> dict[int, tuple[DeploymentState, str]]:
        """The correct states of deployments, by their numbers: the migrations after the last kept one are rolled back.

        The deployment of a rollback names the commit that remains. It is inactive if no commit remains.
        """
        ledger = self._ledger
        if not ledger.entries:  # not read, so nothing is known
            return {}
        undone = {e.commit_sha for e in ledger.entries if e.marks_applied and e.number not in {None, *ledger.applied}}
        settled = {
            old.number: (DeploymentState.INACTIVE, _UNDONE)
            for old in self._earlier or ()
            if old.state == _SUCCESS and old.sha in undone
        }
        newest = self._newest
        if newest and newest.state in _OPEN:
            stays = newest.sha not in undone and self._is_newest_in_ledger(newest.sha)
            state = DeploymentState.SUCCESS if stays else DeploymentState.INACTIVE
            settled[newest.number] = (state, _UNDONE)
        return settled

    @property
    def _newest(self) -> OldDeployment | None:
        """The newest deployment. None if it began after this run, because it may belong to an active run."""
        newest = max(self._earlier or (), key=lambda old: old.number, default=None)
        return newest if newest and newest.number != self._number and _before(newest, self.job.started) else None

    @cached_property
    def _ledger(self) -> Ledger:
        """The environment's ledger after this run. Empty if it cannot be read."""
        try:
            return self.job.wiring.databases.of(self.environment).ledger()
        except CtgitopsError:
            return Ledger()

    def _runs_of(self, sha: str) -> list[str]:
        """The URLs of the runs that wrote ledger entries for a commit. GitHub may not have accepted any state."""
        found = (entry.run_url for entry in self._ledger.entries if entry.commit_sha == sha)
        return list(filter(None, dict.fromkeys(found)))

    def _is_newest_in_ledger(self, sha: str) -> bool:
        """Whether the commit brought the newest applied migration."""
        order = self._ledger.in_order
        return bool(order) and order[-1].mark is Mark.APPLIED and order[-1].commit_sha == sha

    def end(self, *, success: bool, words: str) -> None:
        """Sets the final state, and closes earlier deployments whose state is no longer true.

        After a rollback, no earlier deployment is active. After an apply, no older deployment waits. A cancelled run
        has no time to close earlier deployments.
        """
        if self._number is None:
            return
        self._tell(self._success if success else DeploymentState.FAILURE, words)
        if not success or self.plan is None or self.job.stopping():
            return
        ended = _SUCCESS if self.plan.direction is Direction.ROLLBACK else DeploymentState.QUEUED.value
        for old in self._earlier or ():
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
    def _earlier(self) -> tuple[OldDeployment, ...] | None:
        """The newest deployments, with this run's. None if GitHub did not list them."""
        return self.job.github_writer.deployments_to(self.environment.name)

    @property
    def _url(self) -> str:
        return self.job.wiring.origin.run_url

    def _tell(self, state: DeploymentState, words: str) -> None:
        if self._number is not None:
            self.job.github_writer.deployed(self._number, state, words, self._url)


def _before(old: OldDeployment, moment: datetime) -> bool:
    return old.created_at is None or old.created_at.replace(tzinfo=old.created_at.tzinfo or UTC) < moment
