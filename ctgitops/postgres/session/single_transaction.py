"""Applies all pending migrations and seed files, with their entries, in a single transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...core.plan.plan import Step
from ...core.run.progress import CommitAwaited, Listener, StepStarted
from ...sql.traits import Trait
from ..connection.connect import Connection
from ..connection.session_settings import ON_DISK
from ..connection.simple_query import Answer, Interrupted, exchange
from ..transaction.execute import in_open_transaction, millis_in
from ..transaction.message import CLEAN, Spot
from ..transaction.step_failure import StepFailed
from .lock_retry import Attempt
from .migration_connection import MigrationConnection


@dataclass(frozen=True)
class SingleTransaction:
    """Runs all steps of a plan in one transaction; `set_activity` publishes the current step to runs that
    wait for the run lock, and `guard` is checked before a step."""

    work: MigrationConnection
    attempt: Attempt
    tell: Listener
    set_activity: Callable[[str], None]
    guard: Callable[[Step], str]

    def run(self) -> tuple[Answer, ...]:
        """The server's answer for each part. Raises StepFailed and Interrupted, after a rollback of all parts."""
        try:
            return self._run()
        except Interrupted:
            raise
        except KeyboardInterrupt:  # between two messages: the transaction is open, and no statement is running
            raise Interrupted(Answer(0, ())) from None

    def _run(self) -> tuple[Answer, ...]:
        connection, parts = self.work.connected(), self.attempt.parts
        answers = []
        self._send(connection, "begin")
        for index, part in enumerate(parts):
            self.attempt.at = index
            self.set_activity(part.step.name)
            self.tell(StepStarted(part.step, index + 1, len(parts)))
            answers.append(in_open_transaction(connection, part, self.guard(part.step)))
            self.tell(CommitAwaited(part.step, sum(millis_in(answers[-1])), index + 1, len(parts)))
        self._send(connection, f"{ON_DISK}; commit; {CLEAN}")
        if any(Trait.OUTLIVES in part.step.script.traits for part in parts):
            connection.close()
        return tuple(answers)

    def _send(self, connection: Connection, sql: str) -> None:
        answer = exchange(connection, sql)
        if answer.failure:
            raise StepFailed(answer.failure, Spot(), answer.lost)
