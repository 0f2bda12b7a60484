"""The command `apply`. Applies a plan to one environment."""

from __future__ import annotations

from ..core.gate.gate import Reason, reasons_to_wait, with_warnings
from ..core.gate.health import reasons_of_health
from ..core.gate.request import Request
from ..core.ledger.ledger import Ledger
from ..core.plan.plan import Plan, make_plan
from ..core.run.outcome import Outcome, Status
from ..core.run.progress import Listener, PlanStarted
from ..errors import ApplyError
from ..ports.backups import Backups
from ..ports.database import Database, Databases, Session
from ..ports.shadow import Shadows
from .applying.carry_out import BackUpBy, back_up, carry_out, safeguarded, watch_health
from .applying.failure_advice import with_failure_advice
from .applying.prediction import PredictedChanges, PredictionCheck, check_open_predictions, predict, with_breaks
from .applying.rollback_on_failure import FailedApply
from .planning.applied_elsewhere import with_unchangeable_headers
from .planning.live_schema import with_findings


def apply(
    request: Request, *, databases: Databases, backups: Backups, tell: Listener, shadows: Shadows | None = None
) -> Outcome:
    """Plans again under the run lock, checks the gates, takes a backup, and runs the plan step by step.

    First checks the open predictions of earlier runs. Refuses a blocked plan, and a plan for which a gate gives a
    reason to wait. Findings of severity error do not stop the apply: they fail the check of the pull request, and the
    outcome repeats them. At the end, compares the resulting schema with the prediction of the request. With `shadows`,
    compares it with the prediction of a trial. Writes to the database.
    """
    environment = request.environment
    database = databases.of(environment)
    with database.exclusively(request, tell) as session:
        ledger, earlier_mismatch = check_open_predictions(request, database, session)
        plan = _planned(request, database, ledger, databases)
        if plan.blocked:
            return Outcome(plan, Status.BLOCKED)
        if plan.empty:
            return Outcome(plan, Status.UP_TO_DATE, mismatch=earlier_mismatch)
        reasons = reasons_to_wait(plan, request, databases.predecessor(request))
        if reasons := reasons or (*_health_reasons(request, session), *session.preflight(plan)):
            return Outcome(plan, Status.WAITING, reasons=reasons)
        asked = shadows if environment.shadow.wanted and not request.prediction else None
        predicted = predict(plan, request, database, asked) if asked else None
        if predicted:
            plan = with_breaks(plan, predicted, request.workspace.history)
            plan = with_unchangeable_headers(plan, request, databases)
        if plan.blocked:
            return Outcome(plan, Status.BLOCKED)
        tell(PlanStarted(plan))
        receipt = back_up(request, BackUpBy(backups, database), tell, plan, session)
        if (receipt or predicted) and (reasons := (*_health_reasons(request, session), *session.preflight(plan))):
            return Outcome(plan, Status.WAITING, reasons=reasons, receipt=receipt)
        prediction_check = PredictionCheck(plan, request, database, predicted or PredictedChanges())
        safeguards = safeguarded(receipt, plan, session, tell)
        failed = FailedApply(request, plan, session, session.checkpoint(ledger), safeguards, tell)
        prediction_check.record_prediction(session)
        try:
            done = carry_out(plan, session, safeguards, tell)
            watch_health(plan, session)
        except ApplyError as error:
            raise failed.rolled_back_if_required(with_failure_advice(error, plan, request, databases)) from None
        return Outcome(
            plan,
            Status.APPLIED,
            done=done,
            receipt=receipt,
            recovery_point=safeguards.point,
            left=session.session_leaks(),
            mismatch=prediction_check.found(session) or earlier_mismatch,
            unpredicted=predicted.why_not if predicted else "",
        )


def _planned(request: Request, database: Database, ledger: Ledger, databases: Databases) -> Plan:
    """Makes the same plan as the command `plan`, without a trial. Read-only."""
    plan = with_warnings(make_plan(request.workspace, request.environment, ledger, request.target), request)
    plan = with_unchangeable_headers(plan, request, databases)
    return plan if plan.blocked or plan.empty else with_findings(plan, request, database)[0]


def _health_reasons(request: Request, session: Session) -> tuple[Reason, ...]:
    """Reasons not to apply. The result has one reason if the health query fails or does not return true. Read-only."""
    health = request.environment.apply_policy.health
    return tuple(reasons_of_health(session.probe(health), request.environment)) if health else ()
