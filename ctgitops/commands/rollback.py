"""Rollback: run the rollback SQL of applied migrations, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.gate import reasons_to_wait
from ..core.ledger import Entry, Ledger
from ..core.outcome import Outcome, Status
from ..core.progress import Listener, PlanStarted
from ..core.request import Request
from ..core.rollback import entries_after, last_entries, make_rollback
from ..ports import Backups, Databases
from .apply import back_up, carry_out


@dataclass(frozen=True)
class Back:
    """How far back: to the state just after migration `to` was applied, or by a number of `steps`."""

    to: int | None = None
    steps: int = 1

    def entries(self, ledger: Ledger) -> tuple[Entry, ...]:
        """What must be undone, newest first. Raises UsageError."""
        return last_entries(ledger, self.steps) if self.to is None else entries_after(ledger, self.to)


def rollback(request: Request, back: Back, *, databases: Databases, backups: Backups, tell: Listener) -> Outcome:
    """As safe as apply: under the lock, after a proved backup, each step one transaction with its entry. Writes."""
    environment = request.environment
    with databases.of(environment).exclusively(request, tell) as session:
        ledger = session.ledger()
        found = request.workspace.problems_with(environment)
        plan = make_rollback(environment, ledger, back.entries(ledger), found)
        if plan.blocked:
            return Outcome(plan, Status.BLOCKED)
        if plan.empty:
            return Outcome(plan, Status.UP_TO_DATE)
        if reasons := reasons_to_wait(plan, request, None):
            return Outcome(plan, Status.WAITING, reasons=reasons)
        tell(PlanStarted(plan))
        receipt = back_up(request, backups, tell)
        done = carry_out(plan, session, receipt, tell)
        return Outcome(plan, Status.ROLLED_BACK, done=done, receipt=receipt)
