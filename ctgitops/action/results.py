"""The results of a run that changes databases, one per environment, and the outputs of its step."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.environment.environment import Environment
from ..core.forge.forge import CommitState
from ..core.gate.wait import PlanWait
from ..core.migration.schema_version import SchemaVersion
from ..core.plan.plan import Direction, Plan
from ..core.run.outcome import Outcome
from ..errors import ApplyError, CtgitopsError
from .job import Job
from .planning import NOTHING_APPROVED
from .waiting import wait_in, write_outputs

UNKNOWN = "unknown"
"""The output `pending` if a run ended before it had a plan."""


@dataclass(frozen=True)
class Result:
    """The result of a run on one environment."""

    environment: Environment
    outcome: Outcome | CtgitopsError
    begun: Plan | None = None
    """The plan that the run began. None if the run ended before it had a plan."""

    @property
    def pending(self) -> int | None:
        """The number of migrations that are still to be applied. None if it is unknown."""
        if isinstance(self.outcome, Outcome):
            return 0 if self.outcome.done else len(self.outcome.plan.steps)
        if self.begun is None or self.begun.direction is Direction.ROLLBACK:
            return None
        failed = self.outcome if isinstance(self.outcome, ApplyError) else None
        there = {*failed.applied} - {*failed.rolled_back} if failed else set()
        return sum(step.name not in there for step in self.begun.steps)

    @property
    def exit_status(self) -> int:
        """The exit status of the outcome or error."""
        return self.outcome.exit_status

    @property
    def wait(self) -> PlanWait | None:
        """The wait that the run reported. None without a wait, or if only a person can end the wait."""
        return wait_in(self.environment, self.outcome)

    @property
    def commit_state(self) -> CommitState:
        """The state of the commit status for this result."""
        if self.wait:
            return CommitState.PENDING
        return CommitState.FAILURE if self.exit_status else CommitState.SUCCESS

    @property
    def text(self) -> str:
        """The reason why later environments are skipped."""
        odd = isinstance(self.outcome, Outcome) and self.outcome.mismatch
        ended = "differs from its prediction" if odd else "failed" if self.exit_status else "was stopped"
        return f"{self.environment.name} {ended}"


def set_outputs(job: Job, results: list[Result]) -> None:
    """Sets the outputs of a step that changes databases."""
    outcomes = [r.outcome for r in results if isinstance(r.outcome, Outcome)]
    pending = [result.pending for result in results]
    receipts = [o.receipt for o in outcomes if o.receipt]
    versions: dict[str, SchemaVersion | None] = {
        o.plan.environment: o.plan.target_version if o.done else o.plan.current_version for o in outcomes
    }
    failed = [r.outcome for r in results if isinstance(r.outcome, ApplyError)]
    left = sum(len(error.applied) - len(error.rolled_back) for error in failed)
    job.runner.output("applied", str(sum(len(o.done) for o in outcomes) + left))
    job.runner.output("pending", str(sum(n or 0 for n in pending)) if None not in pending else UNKNOWN)
    job.runner.output("blocked", "true" if any(r.exit_status for r in results) else "false")
    job.runner.output("fingerprint", fingerprint_of(results))
    job.runner.output("receipt", receipts[-1].id if receipts else "")
    job.runner.output("receipt-url", receipts[-1].receipt_at if receipts else "")
    job.runner.output("restore", receipts[-1].restore_with if receipts else "")
    write_outputs(job, [wait for r in results if (wait := r.wait)])
    job.versions(versions)


def fingerprint_of(results: list[Result]) -> str:
    """The output `fingerprint`. It is NOTHING_APPROVED after the dry run of a rollback that would be refused."""
    outcome = results[0].outcome if len(results) == 1 else None
    if not isinstance(outcome, Outcome) or (outcome.preview and outcome.reasons):
        return NOTHING_APPROVED
    return outcome.plan.fingerprint
