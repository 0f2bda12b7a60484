"""The outcome of a run: its status, what it applied or rolled back, and its warnings."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from ...lazy import dataclass

if TYPE_CHECKING:
    from ..activity.session_leak import SessionLeak
    from ..gate.data_loss import CountedLoss
    from ..gate.gate import Reason
    from ..gate.override import UsedOverride
    from ..performance.report import LoadReport
    from ..plan.plan import Plan
    from ..problem import Problem
    from ..receipt import Receipt
    from ..recovery_point import RecoveryPoint
    from ..schema.prediction import PredictionMismatch
    from ..view.preview import Preview


class Status(StrEnum):
    """The result of a run that did not fail."""

    UP_TO_DATE = "up-to-date"
    APPLIED = "applied"
    ROLLED_BACK = "rolled-back"
    WAITING = "waiting"
    BLOCKED = "blocked"
    ONLY_SHOWN = "only-shown"
    """The run was a dry run. A dry run only shows the plan."""


@dataclass(frozen=True)
class Done:
    """One migration or seed file that the run has applied or rolled back."""

    name: str
    millis: int


@dataclass(frozen=True)
class Outcome:
    """The result of a run."""

    plan: Plan
    status: Status
    done: tuple[Done, ...] = ()
    reasons: tuple[Reason, ...] = ()
    receipt: Receipt | None = None
    recovery_point: RecoveryPoint | None = None
    """The end of the WAL before the first step. None if no step began."""
    override: UsedOverride | None = None
    """The override that let the run start. None if no gate was overridden."""
    losses: tuple[CountedLoss, ...] = ()
    """The data that the rollback destroys."""
    left: tuple[SessionLeak, ...] = ()
    """Session state that migrations leaked. Each leak is a warning."""

    mismatch: PredictionMismatch | None = None
    """The differences from the predicted schema. None if the schema matches, or if there was no prediction."""

    unpredicted: str = ""
    """Why a requested prediction was not possible. Otherwise empty."""

    load: LoadReport | None = None
    """What the run did to the load. None if the environment has no `performance`, or nothing was applied."""

    announced: bool = False
    """Whether receivers of notifications know the outcome already, because the run then measured the load."""

    preview: Preview | None = None
    """What a dry run shows. None for every other outcome."""

    next_command: str = ""
    """The command that runs the rollback of a dry run. Empty for every other outcome."""

    @property
    def objections(self) -> tuple[Problem, ...]:
        """The problems that blocked the run. If no problem blocked the run, the run's findings of severity error.

        If findings blocked the run, their hints say how to accept them. For a dry run, all problems and findings that a
        plan shows.
        """
        if self.status is Status.BLOCKED:
            accepted = (_with_acceptance(each, self.plan.environment) for each in self.plan.error_findings)
            return self.plan.problems if self.plan.blocked else tuple(accepted)
        if self.status is Status.ONLY_SHOWN:
            return self.plan.remarks
        return () if self.status is Status.UP_TO_DATE else self.plan.error_findings

    @property
    def exit_status(self) -> int:
        """0 done or nothing to do · 1 mismatch or findings · 2 address · 3 workspace · 4 ledger · 5 must wait."""
        match self.status:
            case Status.WAITING:
                return 5
            case Status.BLOCKED:
                return self.plan.concern.exit_status if self.plan.blocked else 1
            case Status.ONLY_SHOWN if self.preview:
                from ..view.verdict import verdict_of

                return verdict_of(self.preview).exit_status
            case Status.UP_TO_DATE | Status.APPLIED | Status.ROLLED_BACK | Status.ONLY_SHOWN:
                return 1 if self.mismatch else 0


def _with_acceptance(finding: Problem, environment: str) -> Problem:
    how = (
        f"to accept the finding, set `lint: {{{finding.code}: warning}}` in the manifest of {environment}, or, if no "
        f"environment has applied the file, add `-- ctgitops: allow {finding.code} (reason)` above the statement"
    )
    return replace(finding, hint=f"{finding.hint}; {how}" if finding.hint else how)
