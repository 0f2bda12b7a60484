"""Runs a migration outside a transaction, statement by statement. Resumes where an earlier run stopped this migration.

A statement that can run in a transaction commits together with its progress row, and therefore runs exactly once. Any
other statement has two progress rows. The first row is written before the statement, and contains the current state.
The second row is written after the statement. If the statement is interrupted, the next run recovers its leftovers.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from psycopg.pq import Escaping

from ...core.ledger.ledger import Entry, Ledger, Mark
from ...core.ledger.recovery import RecoveryAction
from ...core.ledger.resumption import ProgressState, Resumption, resumption
from ...core.run.progress import LeftoverHealed, Progress, StatementFinished, StepResumed
from ...lazy import dataclass
from ...sql.interruption import LeftoverKind, Leftovers
from ...sql.redact import redact
from ...sql.script import Script
from ..connection.cancellable_query import Failure, exchange, exchange_or_rollback, rows
from ..connection.effective_settings import ON_DISK
from ..ledger.ledger import insert_sql
from ..ledger.progress import BEGAN, Author
from ..transaction.execute import verify
from ..transaction.message import Spot, opening, spot_after, spot_in
from ..transaction.step_failure import IN_TRANSACTION, StepFailed, send
from .batched_update import Batches
from .index_progress import IndexWatch
from .leftovers import CatalogUnreadable, seen
from .recover import InterruptedStatement, Recovery, attempted_before, record

if TYPE_CHECKING:
    from ...core.plan.plan import Step
    from ...sql.parse import Statement
    from ..connection.connect import Connection
    from .run_context import Run

SETS = "VariableSetStmt"
_LIMITS = """select name from pg_catalog.pg_settings
where name operator(pg_catalog.=) any(array['lock_timeout', 'statement_timeout'])
    and source operator(pg_catalog.<>) 'session'"""
"""Queries the timeouts that no SET in this session has changed. The run's own timeouts are connection options."""


class Stepwise:
    """Runs the migrations that must run outside a transaction. One instance belongs to one run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._entries: dict[int, int] = {}
        """Maps each migration's number to the ID of its `started` entry in this run."""

    def run(self, step: Step, entry: Entry, in_step: str = "") -> int:
        """Runs the remaining statements of a step. Returns milliseconds. Raises StepFailed or Interrupted.

        The transaction of the ledger entry includes the statements `in_step`.
        """
        ledger = self._run.ledger()
        at = resumption(step.script, ledger.traces_of(step.number))
        connection = self._run.connected()
        author = author_of(connection, self._started(connection, step, entry), step)
        clock = time.monotonic()
        if step.script.batch and not at.done:
            send(connection, opening(step, local=False)[0])
            # Only the ledger entry marks the step as done: if a verify query is not true, there may be rows left.
            Batches(self._run, connection, step, author, step.script.batch).through(at)
        else:
            _Walk(self._run, connection, step, author).through(at, ledger)
        if step.verify:
            verify(connection, step.verify)
        total = round((time.monotonic() - clock) * 1000)
        # The statements may have set another role, which must not write to the ledger.
        send(connection, "set session authorization default")
        insert = insert_sql(entry, Escaping(connection.pgconn), timed=True)
        send(connection, f"begin; {ON_DISK}; {in_step}{insert}; commit")
        connection.close()
        return total

    def drop_invalid_index(self, step: Step) -> tuple[str, ...]:
        """Drops the index that an interrupted CREATE INDEX or REINDEX CONCURRENTLY left. Returns the actions taken.

        Writes. Raises StepFailed or Interrupted.
        """
        ledger = self._run.ledger()
        at = resumption(step.script, ledger.traces_of(step.number))
        if at.begun is None or at.position > len(step.script.statements):
            return ()
        healed: list[str] = []

        def tell(progress: Progress) -> None:
            if isinstance(progress, LeftoverHealed):
                healed.append(progress.what)
            self._run.tell(progress)

        connection = self._run.connected()
        author = author_of(connection, at.begun.entry, step)
        _Walk(replace(self._run, tell=tell), connection, step, author).drop_invalid_index(at, ledger)
        connection.close()  # the migration has changed its settings
        return tuple(healed)

    def _started(self, connection: Connection, step: Step, entry: Entry) -> int:
        """Returns the ID of the step's `started` entry. Adds the entry before the first statement, once in a run."""
        if step.number not in self._entries:
            started = replace(entry, mark=Mark.STARTED, rollback_sql=None)
            insert = insert_sql(started, Escaping(connection.pgconn), timed=False)
            answer = send(connection, f"{insert} returning id")
            self._entries[step.number] = int(str(rows(answer.results[0])[0][0]))
        return self._entries[step.number]


def _timeouts_to_disable(connection: Connection, statement: Statement) -> list[str]:
    """The timeouts to disable for a CONCURRENTLY statement. Empty for other statements.

    A CONCURRENTLY statement waits for old transactions without blocking other sessions, and a timeout would leave an
    INVALID index. A timeout that the file sets for the session, with SET or in a function, stays in force. The server
    reports these timeouts, so SET LOCAL and text in comments do not count.
    """
    if "CONCURRENTLY" not in statement.refused_in_transaction:
        return []
    answer = send(connection, _LIMITS)
    return [str(name) for result in answer.results for (name,) in rows(result)]


def author_of(connection: Connection, entry: int, step: Step) -> Author:
    """The values that all progress rows on this connection share. `entry` is the ID of the `started` entry."""
    return Author(Escaping(connection.pgconn), entry, step, _began(connection))


def _began(connection: Connection) -> str:
    answer = send(connection, BEGAN)
    return str(next(value for result in answer.results for row in rows(result) for value in row))


@dataclass(frozen=True)
class _Walk:
    """One attempt at the remaining statements of one migration."""

    run: Run
    connection: Connection
    step: Step
    author: Author

    @property
    def recovery(self) -> Recovery:
        return Recovery(self.run, self.connection, self.step, self.author)

    @property
    def script(self) -> Script:
        return self.step.script

    def through(self, at: Resumption, ledger: Ledger) -> None:
        """Repeats the completed SET statements. Then runs every other incomplete statement in order."""
        before, _ = opening(self.step, local=False)
        send(self.connection, before)
        count = len(self.script.statements)
        if at.done or at.begun:
            self.run.tell(StepResumed(self.step, min(at.position, count), count))
        self._repeat_settings(at.done)
        for position, statement in enumerate(self.script.statements[at.done :], start=at.done + 1):
            self.run.assert_lock_held()
            since = time.monotonic()
            before_it = self._left_before(at, ledger) if position == at.position and at.begun else None
            self._one(position, statement, before_it)
            self.run.tell(StatementFinished(self.step, position, count, round((time.monotonic() - since) * 1000)))

    def drop_invalid_index(self, at: Resumption, ledger: Ledger) -> None:
        """Drops the INVALID index of a statement that began and is not recorded as done. Repairs nothing else."""
        send(self.connection, opening(self.step, local=False)[0])
        self._repeat_settings(at.done)
        earlier = self._left_before(at, ledger)
        if earlier and earlier.left.what in {LeftoverKind.INDEX, LeftoverKind.REINDEXED}:
            statement = self.script.statements[at.position - 1]
            self.recovery.outcome(earlier, at.position, spot_in(self.script, statement, statement.start))

    def _repeat_settings(self, done: int) -> None:
        """Repeats the SET statements among the first `done` statements, because the connection is new."""
        for statement in self.script.statements[:done]:
            if statement.kind == SETS or statement.sets:
                send(self.connection, self.script.text_of(statement))

    def _left_before(self, at: Resumption, ledger: Ledger) -> InterruptedStatement | None:
        """The unfinished statement that an earlier run began. Waits for the backend of that run."""
        if at.begun is None:
            return None
        self.recovery.wait_for(at.begun)
        entry = next((e for e in ledger.entries if e.id == at.begun.entry), None)
        was = Script(entry.sql or "", self.script.path) if entry else self.script
        return attempted_before((self.script, was), at.begun)

    def _one(self, position: int, statement: Statement, earlier: InterruptedStatement | None) -> None:
        text = self.script.text_of(statement)
        spot = spot_in(self.script, statement, statement.start)
        if earlier and earlier.text != text:
            self._recover_replaced(earlier, position, spot)
            earlier = None
        if statement.leftovers is None and earlier is None and self._in_transaction(position, statement):
            return
        self._alone(position, statement, earlier)

    def _recover_replaced(self, earlier: InterruptedStatement, position: int, spot: Spot) -> None:
        """Repairs the leftovers of `earlier`, which the file lacks now. Raises StepFailed if `earlier` completed."""
        if (
            earlier.left.what is LeftoverKind.ANYTHING
            or self.recovery.outcome(earlier, position, spot) is not RecoveryAction.DONE
        ):
            return
        what = f"an earlier run completed the statement that the file had here: {redact(earlier.text)}"
        hint = "restore that statement, and add the new one after it"
        raise StepFailed(Failure(what), spot, lost=False, hint=hint)

    def _in_transaction(self, position: int, statement: Statement) -> bool:
        """Runs a statement and adds its progress row in one transaction. Returns False if this is not possible."""
        before = "begin;\n"
        row = self.author.row(ProgressState.DONE, position)
        text = self.script.text_of(statement)
        sql = f"{before}{text}\n;set local session authorization default; {row}; commit"
        answer = exchange_or_rollback(self.connection, sql)
        if answer.failure is None:
            return True
        if answer.failure.sqlstate in IN_TRANSACTION:
            return False
        spot = spot_after(self.script, statement, len(before), answer.failure.position)
        raise StepFailed(answer.failure, spot, answer.lost)

    def _alone(self, position: int, statement: Statement, earlier: InterruptedStatement | None) -> None:
        """Records the current state, runs a statement outside a transaction, and records its completion."""
        left = statement.leftovers or Leftovers(LeftoverKind.ANYTHING)
        spot = spot_in(self.script, statement, statement.start)
        attempted = earlier or InterruptedStatement(self.script.text_of(statement), left, None)
        if self.recovery.outcome(attempted, position, spot) is RecoveryAction.RUN:
            record(self.connection, self.author.row(ProgressState.BEGUN, position, note=self._seen(left, spot)))
            self._carry_out(position, statement)
        record(self.connection, self.author.row(ProgressState.DONE, position))

    def _seen(self, left: Leftovers, spot: Spot) -> str:
        try:
            return str(seen(self.connection, left))
        except CatalogUnreadable as refused:
            raise StepFailed(refused.answer.failure or Failure("no answer"), spot, refused.answer.lost) from None

    def _carry_out(self, position: int, statement: Statement) -> None:
        disabled = _timeouts_to_disable(self.connection, statement)
        for setting in disabled:
            send(self.connection, f"set {setting} = 0")
        watch = IndexWatch(self.run.another, self.connection.info.backend_pid, self.step, self.run.tell)
        with contextlib.closing(watch):
            answer = exchange(self.connection, self.script.text_of(statement), watch)
        if answer.failure:
            spot = spot_after(self.script, statement, 0, answer.failure.position)
            failed = StepFailed(answer.failure, spot, answer.lost)
            if (statement.leftovers or Leftovers(LeftoverKind.ANYTHING)).what is LeftoverKind.ANYTHING:
                failed.retried, failed.hint = False, self.recovery.repair(position)
            raise failed
        for setting in disabled:
            send(self.connection, f"reset {setting}")
