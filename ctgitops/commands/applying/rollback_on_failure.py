"""Rolls back a failed apply if the manifest requires this. Never destroys rows that other sessions wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.gate.data_loss import losses
from ...core.run.auto_rollback import (
    Checkpoint,
    applied_since,
    as_applied,
    make_auto_rollback,
    reapply_advice,
    rollback_command,
    rollback_to_start_command,
    rolled_back_text,
    seeded_since,
    unverified,
    why_not,
)
from ...core.run.progress import Listener, RollbackStarted
from ...errors import ApplyError, CtgitopsError
from ...lazy import dataclass
from .carry_out import carry_out

if TYPE_CHECKING:
    from ...core.gate.request import Request
    from ...core.ledger.ledger import Ledger
    from ...core.ledger.safeguards import Safeguards
    from ...core.plan.plan import Plan, Step
    from ...ports.database import Session


@dataclass(frozen=True)
class FailedApply:
    """A failed apply. Its run still holds the run lock."""

    request: Request
    plan: Plan
    session: Session
    checkpoint: Checkpoint
    safeguards: Safeguards
    tell: Listener

    def rolled_back_if_required(self, error: ApplyError) -> ApplyError:
        """Rolls back this run's migrations if the manifest requires this. Returns the error with the result.

        Rolls back nothing if the ledger has no entry `failed`. In this case the run was asked to stop, or it lost the
        run lock or the database. Writes to the database.
        """
        if not (error.on_record and self.request.environment.apply_policy.rolls_back_on_failure):
            return error
        try:
            self._roll_back(error, self.session.ledger())
        except CtgitopsError as lost:
            error.state += f"; the automatic rollback failed: {lost.what}"
            error.hint = f"`ctgitops status --env {self.plan.environment}` shows what is applied; {error.hint}"
        return error

    def _roll_back(self, error: ApplyError, ledger: Ledger) -> None:
        step = unverified(self.plan, ledger)
        there = ledger.with_entries(as_applied(step, error.what)) if step else ledger
        plan = self._rollback_plan(there, error)
        if plan.empty:
            return
        weighed = () if plan.blocked else self.session.protect(losses(plan, there), self.checkpoint)
        if reasons := tuple(why_not(plan, weighed, seeded_since(self.checkpoint, there))):
            self._refused(error, plan, reasons, step)
            return
        if step:
            self.session.record(as_applied(step, error.what))
            plan = self._rollback_plan(self.session.ledger(), error)
        self._undo(error, plan)

    def _rollback_plan(self, ledger: Ledger, error: ApplyError) -> Plan:
        return make_auto_rollback(self.request.environment, ledger, self.checkpoint, error.what)

    def _refused(self, error: ApplyError, plan: Plan, reasons: tuple[str, ...], unfinished: Step | None) -> None:
        more = f", and {len(reasons) - 1} more" if reasons[1:] else ""
        error.state += f"; nothing of this run was rolled back: {reasons[0]}{more}"
        first = ""
        if unfinished:  # rollback refuses a migration that the ledger records as unfinished
            repair = f"ctgitops repair {unfinished.number:03} --env {plan.environment} --applied"
            first = f'to roll it back, first run `{repair} --reason "…"`; then '
        error.hint = f"{first}{rollback_command(plan, dry=True)} shows what a rollback would do; or {error.hint}"

    def _undo(self, error: ApplyError, plan: Plan) -> None:
        """Rolls back the newest migration first. Stops if a rollback fails. The error then lists what is still applied.

        Writes to the database.
        """
        self.tell(RollbackStarted(plan))
        second: ApplyError | None = None
        try:
            carry_out(plan, self.session, self.safeguards, self.tell)
        except ApplyError as failed:
            second = failed
        ledger = self.session.ledger()
        left = {entry.number for entry in applied_since(self.checkpoint, ledger)}
        error.rolled_back = tuple(step.name for step in plan.steps if step.number not in left)
        error.state += f"; {rolled_back_text(error.rolled_back)}"
        if second:
            names = tuple(step.name for step in plan.steps if step.number in left)
            error.state += (
                f", then the rollback failed: {second.what} ({second.state}); still applied: {', '.join(names)}"
            )
            rest = rollback_to_start_command(plan.environment, ledger, self.checkpoint)
            error.hint = f"{second.hint}; {rest} rolls back what is still applied"
        else:
            error.state += ", so nothing of this run is applied"
            if held := reapply_advice(plan, ledger):
                error.hint = f"{error.hint}; {held}"
