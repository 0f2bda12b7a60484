"""Apply: carry a plan out on one environment."""

from __future__ import annotations

from ..core.gate import reasons_to_wait, with_warnings
from ..core.outcome import Outcome, Status
from ..core.plan import make_plan
from ..core.prediction import Unkept, unkept
from ..core.progress import Listener, PlanStarted
from ..core.request import Request
from ..core.snapshot import Snapshot
from ..errors import ApplyError, LedgerError
from ..ports import Backups, Database, Databases, Shadows
from .applying.carry_out import back_up, carry_out
from .applying.foresee import Foreseen, foresee
from .applying.take_back import Failed
from .applying.watch import ask_first, watch


def apply(
    request: Request, *, databases: Databases, backups: Backups, tell: Listener, shadows: Shadows | None = None
) -> Outcome:
    """Plan again under the lock, ask the gates, back up, then carry out step by step. Writes.

    What came is held against the request's prediction; with `shadows` and without one, against what a copy foretells.
    """
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
        asked = shadows if environment.shadow.wanted and not request.prediction else None
        foreseen = foresee(plan, request, database, asked) if asked else None
        tell(PlanStarted(plan))
        receipt = back_up(request, backups, tell)
        if (receipt or foreseen) and (reasons := (*ask_first(request, session), *session.preflight(plan))):
            return Outcome(plan, Status.WAITING, reasons=reasons, receipt=receipt)
        look = _Comparison(request, database, foreseen or Foreseen())
        failed = Failed(request, plan, session, session.beginning(ledger), receipt, tell)
        try:
            done = carry_out(plan, session, receipt, tell)
            watch(plan, session)
        except ApplyError as error:
            raise failed.told(error) from None
        return Outcome(
            plan,
            Status.APPLIED,
            done=done,
            receipt=receipt,
            left=session.left(),
            unkept=look.found(),
            unpredicted=look.foreseen.why_not,
        )


class _Comparison:
    """The schema before a plan, which is looked at now, and that after it."""

    def __init__(self, request: Request, database: Database, foreseen: Foreseen) -> None:
        self.foreseen = foreseen
        self._ignored = request.environment.drift_ignore
        self._database = database
        wanted = request.prediction is not None or foreseen.changes is not None
        self._before = database.snapshot() if wanted else Snapshot()
        self._prediction = request.prediction or foreseen.on(self._before)

    def found(self) -> Unkept | None:
        """How the schema is not what was predicted. Raises LedgerError where nobody can look."""
        if self._prediction is None:
            return None
        try:
            return unkept(self._prediction, self._before, self._database.snapshot(), self._ignored)
        except LedgerError as error:
            state = "all of the plan is applied; only whether its schema is what was predicted is not known"
            raise LedgerError(error.what, state=state, hint=error.hint) from None
