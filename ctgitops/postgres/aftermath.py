"""Handles a failed step: rolls back, checks what was committed, records the failure, and builds the error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import psycopg

from ..core.ledger import Entry, Mark
from ..core.plan import Direction, Step
from ..core.unfinished import how_far, resumption
from ..errors import ApplyError, CtgitopsError, Place
from ..sql.redact import redact, redact_message
from .connect import Address
from .exchange import Failure, Interrupted
from .failed import CHANGES_THE_FILE, IN_TRANSACTION, StepFailed, hint_for, was_stopped
from .undisturbed import undisturbed
from .work import SoFar, Work


@dataclass(frozen=True)
class Aftermath:
    """How the steps of one run end that do not come to their end; `record` adds an entry."""

    address: Address
    work: Work
    so_far: SoFar
    record: Callable[[Entry], None]

    def given_up(self, step: Step, failed: StepFailed, entry: Entry, attempt: int) -> ApplyError:
        """Ends the transaction, reads back what is true, records the failure, and says all of it."""
        failure = failed.failure
        what = f"{step.name}: {self._hidden(step, failure.message)}"
        if attempt > 1:
            what += f" (after {attempt} attempts)"
        with undisturbed():
            state, on_record = self._state_after(step, failed, entry)
        error = ApplyError(
            what,
            place=failed.spot.place_shown or Place(step.script.path),
            sqlstate=failure.sqlstate,
            statement=redact(failed.spot.statement),
            statement_line=failed.spot.line,
            detail=self._hidden(step, failure.detail),
            state=state,
            hint=failed.hint or self._hint(step, failure),
        )
        error.on_record = on_record
        error.blames_file = error.hint in CHANGES_THE_FILE
        error.applied = tuple(self.so_far.done) if step.direction is Direction.APPLY else ()
        return error

    def _hint(self, step: Step, failure: Failure) -> str:
        if self.so_far.together and failure.sqlstate in IN_TRANSACTION:
            return "it wants no transaction: write `transaction: each` into the manifest while it is pending"
        return hint_for(step, self.so_far.environment, failure)

    def _hidden(self, step: Step, said: str) -> str:
        """What the server said, without a password of the address or of the SQL."""
        return self.address.hidden(redact_message(said, step.script.secrets))

    def _state_after(self, step: Step, failed: StepFailed, entry: Entry) -> tuple[str, bool]:
        """In words, and whether the ledger says that the step failed."""
        told = self.so_far.told
        try:
            self.work.end_transaction(lost=failed.lost)
            newest = next((e for e in reversed(self.work.ledger().entries) if e.name == step.name), None)
            if newest and newest.mark is entry.mark and newest.plan == entry.plan:
                return f"{told}{self._done_too(step)}", False
        except (psycopg.Error, CtgitopsError, Interrupted):
            return f"{told}nobody can ask now whether {step.name} is done; the next run finds out", False
        mark = Mark.INTERRUPTED if was_stopped(failed) else Mark.FAILED
        error = f"{failed.failure.sqlstate} {failed.failure.message}".strip()
        if self.so_far.together:
            error += f"; {self._none}"
        on_record = False
        with contextlib.suppress(psycopg.Error, CtgitopsError, Interrupted):
            self.record(replace(entry, mark=mark, error=self._hidden(step, error), rollback_sql=None))
            on_record = mark is Mark.FAILED
        return f"{told}{self._left(step)}", on_record

    def _left(self, step: Step) -> str:
        """What of a step that failed is in the database."""
        if self.so_far.together:
            return self._none
        return f"{step.name} left no trace" if step.transactional else self._how_far(step)

    @property
    def _none(self) -> str:
        return f"the {self.so_far.together} files of this plan are one transaction, and none of them left a trace"

    def _done_too(self, step: Step) -> str:
        if self.so_far.together:
            return f"all {self.so_far.together} files of this plan are done: this came after their commit"
        return f"{step.name} is done too: this came after its commit"

    def _how_far(self, step: Step) -> str:
        try:
            at = resumption(step.script, self.work.ledger().traces_of(step.number))
        except (psycopg.Error, CtgitopsError, Interrupted):
            return f"{step.name} runs outside a transaction: what its statements before this one did is there"
        return f"{step.name} is unfinished, {how_far(at, len(step.script.statements))}"
