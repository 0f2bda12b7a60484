"""The command `rollback`. Runs the rollback SQL of applied migrations, newest first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.gate.data_loss import command_with, losses, unaccepted
from ..core.gate.gate import reasons_to_wait
from ..core.plan.rollback import entries_after, last_entries, make_rollback, number_in
from ..core.run.outcome import Outcome, Status
from ..core.run.progress import Listener, PlanStarted
from ..core.view.preview import Preview
from ..lazy import dataclass
from .applying.carry_out import BackUpBy, back_up, carry_out, safeguarded
from .applying.in_step import current_ledger, join_in_step
from .planning.rollback_trial import tried_rollback

if TYPE_CHECKING:
    from ..core.gate.request import Request
    from ..core.ledger.ledger import Entry, Ledger
    from ..core.migration.migration import Migration
    from ..core.migration.selector import Selector
    from ..ports.backups import Backups
    from ..ports.database import Databases
    from ..ports.shadow import Shadows


@dataclass(frozen=True)
class RollbackExtent:
    """The extent of a rollback: the newest `steps` migrations, or all migrations after the migration `to`."""

    to: int | Selector | None = None
    steps: int = 1

    def entries(self, ledger: Ledger, migrations: tuple[Migration, ...] = ()) -> tuple[Entry, ...]:
        """The entries to roll back, newest first. `to` may be the new name of a renamed file. Raises UsageError."""
        if self.to is None:
            return last_entries(ledger, self.steps)
        number = self.to if isinstance(self.to, int) else number_in(ledger, self.to, migrations)
        return entries_after(ledger, number)


def rollback(
    request: Request, back: RollbackExtent, *, databases: Databases, backups: Backups, tell: Listener
) -> Outcome:
    """Takes a verified backup under the run lock, then rolls back. Each step and its entry share a transaction."""
    database = databases.of(request.environment)
    with database.exclusively(request, tell) as session:
        found = preview_rollback(request, back, join_in_step(request, session, tell), databases)
        plan = found.plan
        if plan.blocked or plan.empty or found.reasons:
            return found
        if reasons := session.preflight(plan):
            return replace(found, reasons=reasons)
        session.begin(plan)
        tell(PlanStarted(plan))
        receipt = back_up(request, BackUpBy(backups, database), tell, plan, session)
        if receipt and (reasons := session.preflight(plan)):
            return replace(found, reasons=reasons, receipt=receipt)
        safeguards = safeguarded(receipt, plan, session, tell)
        done = carry_out(plan, session, safeguards, tell)
        found = replace(found, receipt=receipt, recovery_point=safeguards.point)
        return replace(found, status=Status.ROLLED_BACK, done=done, left=session.session_leaks())


def show_rollback(
    request: Request, back: RollbackExtent, *, databases: Databases, shadows: Shadows | None = None
) -> Outcome:
    """Shows what a rollback would run and destroy. With `shadows`, tries it on a copy. Read-only. Takes no lock."""
    ledger = current_ledger(request, databases.of(request.environment))
    found = preview_rollback(request, back, ledger, databases)
    if found.plan.blocked or found.plan.empty:
        return found
    command = command_with(found.plan, found.losses, ledger)
    preview = Preview(request.environment, found.plan, found.reasons, losses=found.losses)
    if shadows:
        preview = tried_rollback(preview, request, ledger, databases, shadows)
    return replace(found, plan=preview.plan, status=Status.ONLY_SHOWN, preview=preview, next_command=command)


def preview_rollback(request: Request, back: RollbackExtent, ledger: Ledger, databases: Databases) -> Outcome:
    """Returns the plan of a rollback, the data that it destroys, and the reasons to wait. Read-only."""
    environment = request.environment
    found = request.workspace.problems_with(environment)
    plan = make_rollback(environment, ledger, back.entries(ledger, request.workspace.migrations), found)
    if plan.blocked:
        return Outcome(plan, Status.BLOCKED)
    if plan.empty:
        return Outcome(plan, Status.UP_TO_DATE)
    lost = databases.of(environment).count_losses(losses(plan, ledger))
    reasons = (*reasons_to_wait(plan, request, None), *unaccepted(plan, lost, ledger, request.accepted_losses))
    return Outcome(plan, Status.WAITING, reasons=reasons, losses=lost)
