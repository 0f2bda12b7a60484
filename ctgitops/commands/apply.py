"""The command `apply`. Applies a plan to one environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.gate.gate import Predecessor, Reason, reasons_to_wait, used_override, with_warnings
from ..core.gate.health import reasons_of_health
from ..core.plan.plan import Plan, make_plan
from ..core.run.outcome import Outcome, Status
from ..core.run.progress import GatesOverridden, Listener, PlanStarted
from ..errors import ApplyError
from .applying.carry_out import BackUpBy, back_up, carry_out, safeguarded, watch_health
from .applying.failure_advice import with_failure_advice
from .applying.prediction import PredictedChanges, PredictionCheck, check_open_predictions, predict, with_breaks
from .applying.rollback_on_failure import FailedApply
from .measuring.load_watch import LoadWatch
from .planning.applied_elsewhere import with_unchangeable_headers
from .planning.live_schema import with_findings
from .planning.other_ledger import with_other_ledger

if TYPE_CHECKING:
    from ..core.gate.override import UsedOverride
    from ..core.gate.request import Request
    from ..core.ledger.ledger import Ledger
    from ..ports.backups import Backups
    from ..ports.database import Database, Databases, Session
    from ..ports.shadow import Shadows


def apply(
    request: Request, *, databases: Databases, backups: Backups, tell: Listener, shadows: Shadows | None = None
) -> Outcome:
    """Plans again under the run lock, checks the gates, takes a backup, and runs the plan step by step.

    Refuses a blocked plan, and a plan for which a gate gives a reason to wait. Findings of severity error do not stop
    the apply: they fail the check of the pull request, and the outcome repeats them. First checks the open predictions
    of earlier runs. At the end, compares the resulting schema with the prediction of the request or, with
    `shadows`, with that of a trial. Without the run lock, then measures the load as `performance` in the manifest says.
    """
    load = LoadWatch(request, databases, shadows, tell)
    return load.reported(_applied(request, Ports(databases, backups, shadows), tell, load))


@dataclass(frozen=True)
class Ports:
    """The ports that an apply uses."""

    databases: Databases
    backups: Backups
    shadows: Shadows | None


def _applied(request: Request, ports: Ports, tell: Listener, load: LoadWatch) -> Outcome:
    """Applies under the run lock. Writes."""
    databases = ports.databases
    database = databases.of(request.environment)
    with database.exclusively(request, tell) as session:
        ledger, earlier_mismatch = check_open_predictions(request, database, session, tell)
        plan = _planned(request, database, ledger, databases)
        if plan.blocked:
            return Outcome(plan, Status.BLOCKED)
        if plan.empty:
            return Outcome(plan, Status.UP_TO_DATE, mismatch=earlier_mismatch)
        predecessor = databases.predecessor(request)
        if reasons := reasons_to_wait(plan, request, predecessor) or (
            *_health_reasons(request, session),
            *session.preflight(plan),
        ):
            return Outcome(plan, Status.WAITING, reasons=reasons)
        load.begin()
        predicted = _predicted(plan, request, database, ports.shadows)
        if predicted:
            plan = with_breaks(plan, predicted, request.workspace.history)
            plan = with_unchangeable_headers(plan, request, databases)
        if plan.blocked:
            return Outcome(plan, Status.BLOCKED)
        override = _begin(plan, request, predecessor, session, tell)
        receipt = back_up(request, BackUpBy(ports.backups, database), tell, plan, session)
        if (receipt or predicted) and (reasons := (*_health_reasons(request, session), *session.preflight(plan))):
            return Outcome(plan, Status.WAITING, reasons=reasons, receipt=receipt, override=override)
        prediction_check = PredictionCheck(plan, request, database, predicted or PredictedChanges())
        safeguards = safeguarded(receipt, plan, session, tell)
        failed = FailedApply(request, plan, session, session.checkpoint(ledger), safeguards, tell)
        prediction_check.record_prediction(session)
        load.before(plan)
        try:
            done = carry_out(plan, session, safeguards, tell)
            load.after(plan)
            watch_health(plan, session)
        except ApplyError as error:
            raise failed.rolled_back_if_required(with_failure_advice(error, plan, request, databases)) from None
        return Outcome(
            plan,
            Status.APPLIED,
            done=done,
            receipt=receipt,
            recovery_point=safeguards.point,
            override=override,
            left=session.session_leaks(),
            mismatch=prediction_check.found(session) or earlier_mismatch,
            unpredicted=predicted.why_not if predicted else "",
        )


def _predicted(plan: Plan, request: Request, database: Database, shadows: Shadows | None) -> PredictedChanges | None:
    """Tries the plan on a copy, unless trials are disabled or the approved plan has a prediction. Read-only."""
    wanted = request.environment.shadow.wanted and not request.prediction
    return predict(plan, request, database, shadows) if wanted and shadows else None


def _planned(request: Request, database: Database, ledger: Ledger, databases: Databases) -> Plan:
    """Makes the same plan as the command `plan`, without a trial. Read-only."""
    plan = with_warnings(make_plan(request.workspace, request.environment, ledger, request.target), request)
    plan = with_unchangeable_headers(with_other_ledger(plan, request, ledger, database), request, databases)
    return plan if plan.blocked or plan.empty else with_findings(plan, request, database)[0]


def _begin(
    plan: Plan, request: Request, predecessor: Predecessor, session: Session, tell: Listener
) -> UsedOverride | None:
    """Publishes the plan. Records the override of gates, if there is one. Writes."""
    session.begin(plan)
    tell(PlanStarted(plan))
    override = used_override(plan, request, predecessor)
    if override:
        session.record(override.entry(plan))
        tell(GatesOverridden(plan, override))
    return override


def _health_reasons(request: Request, session: Session) -> tuple[Reason, ...]:
    """Reasons not to apply. The result has one reason if the health query fails or does not return true. Read-only."""
    health = request.environment.apply_policy.health
    return tuple(reasons_of_health(session.probe(health), request.environment)) if health else ()
