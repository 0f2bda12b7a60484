"""Apply: carry a plan out on one environment."""

from __future__ import annotations

from ..core.gate import reasons_to_wait, with_warnings
from ..core.outcome import Outcome, Status
from ..core.plan import make_plan
from ..core.prediction import Prediction, Unkept, unkept
from ..core.progress import Listener, PlanStarted
from ..core.request import Request
from ..core.snapshot import Snapshot
from ..errors import ApplyError, LedgerError
from ..ports import Backups, Database, Databases
from .applying.carry_out import back_up, carry_out
from .applying.take_back import Failed
from .applying.watch import ask_first, watch


def apply(request: Request, *, databases: Databases, backups: Backups, tell: Listener) -> Outcome:
    """Plan again under the lock, ask the gates, back up, then carry out step by step. Writes."""
    environment = request.environment
    database = databases.of(environment)
    with database.exclusively(request, tell) as session:
        ledger = session.ledger()
        plan = with_warnings(make_plan(request.workspace, environment, ledger, request.target), request)
        if plan.blocked:
            return Outcome(plan, Status.BLOCKED)
        if plan.empty:
            return Outcome(plan, Status.UP_TO_DATE)
        if reasons := reasons_to_wait(plan, request, databases.predecessor(request)):
            return Outcome(plan, Status.WAITING, reasons=reasons)
        if reasons := (*ask_first(request, session), *session.preflight(plan)):
            return Outcome(plan, Status.WAITING, reasons=reasons)
        tell(PlanStarted(plan))
        receipt = back_up(request, backups, tell)
        if receipt and (reasons := (*ask_first(request, session), *session.preflight(plan))):
            return Outcome(plan, Status.WAITING, reasons=reasons, receipt=receipt)
        before = database.snapshot() if request.prediction else None
        failed = Failed(request, plan, session, session.beginning(ledger), receipt, tell)
        try:
            done = carry_out(plan, session, receipt, tell)
            watch(plan, session)
        except ApplyError as error:
            raise failed.told(error) from None
        found = _compared(request.prediction, before, database) if request.prediction and before else None
        return Outcome(plan, Status.APPLIED, done=done, receipt=receipt, left=session.left(), unkept=found)


def _compared(prediction: Prediction, before: Snapshot, database: Database) -> Unkept | None:
    """How the schema is not what was predicted. Raises LedgerError where nobody can look."""
    try:
        return unkept(prediction, before, database.snapshot())
    except LedgerError as error:
        state = "all of the plan is applied; only whether its schema is what was predicted is not known"
        raise LedgerError(error.what, state=state, hint=error.hint) from None
