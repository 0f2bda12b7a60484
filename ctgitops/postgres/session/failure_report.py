"""Handles a failed step: rolls back, checks what was committed, records the failure, and builds the error."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg

from ...core.ledger.ledger import Entry, Ledger, Mark
from ...core.ledger.resumption import how_far, resumption
from ...core.plan.plan import Direction, Plan, Step
from ...errors import ApplyError, Cause, CtgitopsError, Place
from ...lazy import dataclass
from ...sql.redact import redact, redact_message
from ..connection.cancellable_query import Answer, Interrupted
from ..connection.failure_cause import cause_of_loss
from ..connection.uninterrupted_cleanup import uninterrupted_cleanup
from ..transaction.step_failure import (
    CHANGES_THE_FILE,
    IN_TRANSACTION,
    StepFailed,
    hint_for,
    is_statement_timeout,
    stopped,
)

if TYPE_CHECKING:
    from ..connection.connect import Address
    from ..transaction.execute import Part
    from .migration_connection import MigrationConnection, RunState

RECOVERY_SECONDS, RECOVERY_PAUSE_SECONDS = 10.0, 0.2
_RECOVERS = {Cause.CONNECTION_LOST, Cause.SERVER_NOT_READY}
"""The causes of the errors that follow a server crash. The server then refuses or ends connections for some time."""


@dataclass(frozen=True)
class FailureReport:
    """Rolls back and records the failed or interrupted steps of one run. `record` adds an entry to the ledger."""

    address: Address
    work: MigrationConnection
    run_state: RunState
    record: Callable[[Entry], None]

    def record_failure(self, part: Part, failed: StepFailed, attempt: int = 1) -> ApplyError:
        """Rolls back, reads from the ledger what was committed, records the failure, and returns the error. Writes."""
        step, failure = part.step, failed.failure
        what = f"{step.name}: {self._hidden(step, failure.message)}"
        if attempt > 1:
            what += f" (after {attempt} attempts)"
        with uninterrupted_cleanup():
            state, on_record = self._state_after(part, failed)
        error = ApplyError(
            what,
            place=failed.spot.place_shown or Place(step.script.path),
            sqlstate=failure.sqlstate,
            statement=redact(failed.spot.statement),
            statement_line=failed.spot.line,
            detail=self._hidden(step, failure.detail),
            state=state,
            hint=failed.hint or self._hint(step, failed),
        )
        error.cause = failed.cause
        error.on_record = on_record
        error.blames_file = error.hint in CHANGES_THE_FILE
        error.applied = tuple(self.run_state.done[: self.run_state.safe]) if step.direction is Direction.APPLY else ()
        return error

    def stopped_at(self, part: Part) -> ApplyError:
        """Records that the run was interrupted between statements, before or in `part`. Returns the error. Writes."""
        return self.record_failure(part, stopped(Interrupted(Answer(0, ()))))

    def stopped_at_its_end(self, plan: Plan) -> ApplyError:
        """The error of a run that was interrupted after its whole plan was completed."""
        with uninterrupted_cleanup():
            self.work.flush()
        error = ApplyError(
            f"the run was asked to stop after its plan for {plan.environment} was completed",
            state=f"{self.run_state.text}the plan is complete",
            hint=f"`ctgitops verify --env {plan.environment}` checks the result",
        )
        error.cause = Cause.ASKED_TO_STOP
        error.applied = tuple(self.run_state.done) if plan.direction is Direction.APPLY else ()
        return error

    def _hint(self, step: Step, failed: StepFailed) -> str:
        failure = failed.failure
        if failed.lost:
            return "run the command again: it checks what is done, and resumes from there"
        if self.run_state.transaction_parts and failure.sqlstate in IN_TRANSACTION:
            return "it cannot run in a transaction: set `transaction: each` in the manifest while this file is pending"
        if self._is_timeout(failed):
            failure = replace(failure, stated=Cause.STATEMENT_TIMEOUT)
        return hint_for(step, self.run_state.environment, failure)

    def _is_timeout(self, failed: StepFailed) -> bool:
        with contextlib.suppress(CtgitopsError, Interrupted):
            return failed.cause is Cause.CANCELLED and is_statement_timeout(self.work.connected(), failed.failure)
        return False

    def _hidden(self, step: Step, said: str) -> str:
        """The server's message `said`, without the passwords in the address and in the SQL."""
        return self.address.hidden(redact_message(said, step.script.secrets))

    def _state_after(self, part: Part, failed: StepFailed) -> tuple[str, bool]:
        """The state of the database as text, and whether the ledger records that the step failed."""
        step, entry = part.step, part.entry
        try:
            ledger = self._ledger_after(failed)
            if failed.lost:
                self.run_state.recovered(_recorded(ledger, entry))
            self.work.flush()
            newest = next((e for e in reversed(ledger.entries) if e.name == step.name), None)
            if newest and newest.mark is entry.mark and newest.plan == entry.plan:
                return f"{self.run_state.text}{self._done_too(step)}", False
        except (psycopg.Error, CtgitopsError, Interrupted):
            return f"{self.run_state.text}it is unknown whether {step.name} is committed; the next run checks", False
        on_record = self._on_record(part, failed)
        return f"{self.run_state.text}{self._left(step)}", on_record

    def _ledger_after(self, failed: StepFailed) -> Ledger:
        """Ends the step's backend, then reads the ledger. Waits for the server's recovery after a crash."""
        deadline = time.monotonic() + RECOVERY_SECONDS
        spare = 1  # after a refusal, the server may be ready before PQping checks it
        while True:
            try:
                self.work.end_transaction(lost=failed.lost)
                return self.work.ledger()
            except (CtgitopsError, psycopg.OperationalError) as error:
                cause = error.cause if isinstance(error, CtgitopsError) else cause_of_loss(error)
                spare -= cause not in _RECOVERS
                if not failed.lost or spare < 0 or time.monotonic() > deadline:
                    raise
                time.sleep(RECOVERY_PAUSE_SECONDS)

    def _on_record(self, part: Part, failed: StepFailed) -> bool:
        """Adds a `failed` or `interrupted` entry. Returns whether the ledger now records a failure. Writes."""
        mark = Mark.INTERRUPTED if failed.cause is Cause.ASKED_TO_STOP else Mark.FAILED
        error = f"{failed.failure.sqlstate} {failed.failure.message}".strip()
        if self.run_state.transaction_parts:
            error += f"; {self._none}"
        with contextlib.suppress(psycopg.Error, CtgitopsError, Interrupted):
            self.record(replace(part.entry, mark=mark, error=self._hidden(part.step, error), rollback_sql=None))
            return mark is Mark.FAILED
        return False

    def _left(self, step: Step) -> str:
        """Describes the state in which a failed step left the database."""
        if self.run_state.transaction_parts:
            return self._none
        return f"{step.name} left no trace" if step.transactional else self._how_far(step)

    @property
    def _none(self) -> str:
        return f"the {self.run_state.transaction_parts} files of this plan shared a transaction, which was rolled back"

    def _done_too(self, step: Step) -> str:
        if self.run_state.transaction_parts:
            all_files = f"all {self.run_state.transaction_parts} files of this plan"
            return f"{all_files} are committed: the error came after the commit"
        return f"{step.name} is committed: the error came after its commit"

    def _how_far(self, step: Step) -> str:
        try:
            at = resumption(step.script, self.work.ledger().traces_of(step.number))
        except (psycopg.Error, CtgitopsError, Interrupted):
            return f"{step.name} runs outside a transaction: the statements before this one are committed"
        return f"{step.name} is unfinished, {how_far(at, len(step.script.statements))}"


def _recorded(ledger: Ledger, entry: Entry) -> frozenset[str]:
    """Names of the steps that the ledger records as done. The steps belong to the plan of `entry`."""
    done = (Mark.APPLIED, Mark.ROLLED_BACK)
    return frozenset(e.name for e in ledger.entries if e.plan == entry.plan and e.mark in done)
