"""Executes a plan that has work: gates, the backup, the steps, and the check of the resulting schema."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from ...core.gate.gate import reasons_to_wait, used_override
from ...core.gate.health import reasons_of_health
from ...core.run.outcome import Outcome, Status
from ...core.run.progress import GatesOverridden, PlanStarted
from ...errors import ApplyError
from ...lazy import dataclass
from ..planning.applied_elsewhere import with_unchangeable_headers
from .carry_out import BackUpBy, back_up, carry_out, safeguarded, watch_health
from .failure_advice import with_failure_advice
from .prediction import PredictedChanges, PredictionCheck, predict, with_breaks
from .rollback_on_failure import FailedApply

if TYPE_CHECKING:
    from ...core.gate.gate import Predecessor, Reason
    from ...core.gate.override import UsedOverride
    from ...core.gate.request import Request
    from ...core.ledger.ledger import Ledger
    from ...core.plan.plan import Plan
    from ...core.receipt import Receipt
    from ...core.run.progress import Listener
    from ...core.schema.prediction import PredictionMismatch
    from ...ports.backups import Backups
    from ...ports.database import Database, Databases, Session
    from ...ports.shadow import Shadows


class LoadMeasurement(Protocol):
    """The measurement of the load around a plan."""

    def begin(self) -> None:
        """Takes the first sample."""

    def before(self, plan: Plan) -> None:
        """Takes the sample just before the migrations."""

    def after(self, plan: Plan) -> None:
        """Takes the sample right after the last migration."""


@dataclass(frozen=True)
class PlanWork:
    """A plan that has work, and the ledger from which it was made."""

    plan: Plan
    ledger: Ledger
    earlier_mismatch: PredictionMismatch | None
    """The mismatch with the prediction of an earlier run."""


@dataclass(frozen=True)
class Execution:
    """The execution of a plan by one run, which holds the run lock."""

    request: Request
    session: Session
    databases: Databases
    backups: Backups
    shadows: Shadows | None
    load: LoadMeasurement
    tell: Listener

    @property
    def _database(self) -> Database:
        return self.databases.of(self.request.environment)

    def of(self, work: PlanWork) -> Outcome:
        """Checks the gates and, if no gate makes the plan wait, tries the plan and begins. Writes."""
        plan, predecessor = work.plan, self.databases.predecessor(self.request)
        if reasons := reasons_to_wait(plan, self.request, predecessor) or self._reasons_of_database(plan):
            return Outcome(plan, Status.WAITING, reasons=reasons)
        self.load.begin()
        predicted = self._predicted(plan)
        if predicted:
            plan = with_breaks(plan, predicted, self.request.workspace.history)
            plan = with_unchangeable_headers(plan, self.request, self.databases)
        if plan.blocked:
            return Outcome(plan, Status.BLOCKED)
        override = self._begin(plan, predecessor)
        receipt = back_up(self.request, BackUpBy(self.backups, self._database), self.tell, plan, self.session)
        if (receipt or predicted) and (reasons := self._reasons_of_database(plan)):
            return Outcome(plan, Status.WAITING, reasons=reasons, receipt=receipt, override=override)
        done = self._carried_out(plan, work, receipt, predicted or PredictedChanges())
        return replace(done, override=override, unpredicted=predicted.why_not if predicted else "")

    def _carried_out(self, plan: Plan, work: PlanWork, receipt: Receipt | None, predicted: PredictedChanges) -> Outcome:
        """Runs the steps, and compares the resulting schema with the prediction. Writes. Raises ApplyError."""
        request, session = self.request, self.session
        check = PredictionCheck(plan, request, self._database, predicted)
        safeguards = safeguarded(receipt, plan, session, self.tell)
        failed = FailedApply(request, plan, session, session.checkpoint(work.ledger), safeguards, self.tell)
        check.record_prediction(session)
        self.load.before(plan)
        try:
            done = carry_out(plan, session, safeguards, self.tell)
            self.load.after(plan)
            watch_health(plan, session)
        except ApplyError as error:
            advised = with_failure_advice(error, plan, request, self.databases)
            raise failed.rolled_back_if_required(advised) from None
        return Outcome(
            plan,
            Status.APPLIED,
            done=done,
            receipt=receipt,
            recovery_point=safeguards.point,
            left=session.session_leaks(),
            mismatch=check.found(session) or work.earlier_mismatch,
        )

    def _predicted(self, plan: Plan) -> PredictedChanges | None:
        """Tries the plan on a copy, unless trials are disabled or the approved plan has a prediction. Read-only."""
        wanted = self.request.environment.shadow.wanted and not self.request.prediction
        return predict(plan, self.request, self._database, self.shadows) if wanted and self.shadows else None

    def _begin(self, plan: Plan, predecessor: Predecessor) -> UsedOverride | None:
        """Publishes the plan. Records the override of gates, if there is one. Writes."""
        self.session.begin(plan)
        self.tell(PlanStarted(plan))
        override = used_override(plan, self.request, predecessor)
        if override:
            self.session.record(override.entry(plan))
            self.tell(GatesOverridden(plan, override))
        return override

    def _reasons_of_database(self, plan: Plan) -> tuple[Reason, ...]:
        """Reasons not to apply: a health query that fails or does not return true, and preflight. Read-only."""
        health, environment = self.request.environment.apply_policy.health, self.request.environment
        unhealthy = reasons_of_health(self.session.probe(health), environment) if health else ()
        return (*unhealthy, *self.session.preflight(plan))
