"""Runs a migration outside a transaction, statement by statement, from the point that an earlier run reached.

A statement that can run in a transaction is committed together with its progress row, so it runs exactly once. For any
other statement, the state before it is recorded first, and its completion afterwards. If one is interrupted, the next
run recovers what it left.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace

from psycopg.pq import Escaping

from ...core.ledger.ledger import Entry, Ledger, Mark
from ...core.ledger.recovery import RecoveryAction
from ...core.ledger.resumption import Reached, Resumption, resumption
from ...core.plan.plan import Step
from ...core.run.progress import LeftoverHealed, Progress, StatementFinished, StepResumed
from ...sql.interruption import Leaves, Leaving
from ...sql.parse import Statement
from ...sql.redact import redact
from ...sql.script import Script
from ..connection.connect import Connection
from ..connection.simple_query import Failure, exchange, rows
from ..ledger.ledger import insert_sql
from ..ledger.progress import BEGAN, Author
from ..transaction.execute import verify
from ..transaction.message import Spot, opening, spot_in
from ..transaction.step_failure import IN_TRANSACTION, StepFailed, send
from .batched_update import Batches
from .index_progress import IndexWatch
from .leftovers import CatalogUnreadable, seen
from .recover import InterruptedStatement, Recovery, attempted_before, record
from .run_context import Run

SETS = "VariableSetStmt"
_LIMITS = """select name from pg_catalog.pg_settings
where name operator(pg_catalog.=) any(array['lock_timeout', 'statement_timeout'])
    and source operator(pg_catalog.<>) 'session'"""
"""The limits that nothing set in this session: those of ours came with the connection."""


class Stepwise:
    """The migrations outside a transaction of one run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._entries: dict[int, int] = {}
        """By number, the entry `started` of this run."""

    def run(self, step: Step, entry: Entry) -> int:
        """Carries out what is left of it; returns milliseconds. Raises StepFailed, Interrupted."""
        ledger = self._run.ledger()
        at = resumption(step.script, ledger.traces_of(step.number))
        connection = self._run.connected()
        author = author_of(connection, self._started(connection, step, entry), step)
        clock = time.monotonic()
        if step.script.batch and not at.done:
            send(connection, opening(step, local=False)[0])
            # That it is done stands nowhere but in the entry: while a verify query is not true, rows may be left.
            Batches(self._run, connection, step, author, step.script.batch).through(at)
        else:
            _Walk(self._run, connection, step, author).through(at, ledger)
        if step.verify:
            verify(connection, step.verify)
        total = round((time.monotonic() - clock) * 1000)
        # The role that the statements may have left behind is not the ledger's.
        send(connection, "set session authorization default")
        send(connection, insert_sql(entry, Escaping(connection.pgconn), timed=True))
        connection.close()
        return total

    def heal(self, step: Step) -> tuple[str, ...]:
        """Drops what an interrupted CREATE INDEX or REINDEX CONCURRENTLY of the step left; returns what it did.

        Raises StepFailed, Interrupted. Writes.
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
        _Walk(replace(self._run, tell=tell), connection, step, author).heal(at, ledger)
        connection.close()  # its settings are those of the migration
        return tuple(healed)

    def _started(self, connection: Connection, step: Step, entry: Entry) -> int:
        """The entry before the first statement; one a run, however often it has to wait for a lock."""
        if step.number not in self._entries:
            started = replace(entry, mark=Mark.STARTED, rollback_sql=None)
            insert = insert_sql(started, Escaping(connection.pgconn), timed=False)
            answer = send(connection, f"{insert} returning id")
            self._entries[step.number] = int(str(rows(answer.results[0])[0][0]))
        return self._entries[step.number]


def _unhurried(connection: Connection, statement: Statement) -> list[str]:
    """The time limits to lift for a CONCURRENTLY statement, which waits for old transactions and blocks nobody.

    Cut short, it would leave an INVALID index. A limit that the file set for the session stays: the server knows it,
    also when a function set it. SET LOCAL and what stands in a comment or a string are no such limit.
    """
    if "CONCURRENTLY" not in statement.refused_in_transaction:
        return []
    answer = send(connection, _LIMITS)
    return [str(name) for result in answer.results for (name,) in rows(result)]


def author_of(connection: Connection, entry: int, step: Step) -> Author:
    """Who writes rows of progress on this connection, for the entry `started` with that id."""
    return Author(Escaping(connection.pgconn), entry, step, _began(connection))


def _began(connection: Connection) -> str:
    answer = send(connection, BEGAN)
    return str(next(value for result in answer.results for row in rows(result) for value in row))


@dataclass(frozen=True)
class _Walk:
    """One attempt at what is left of one migration."""

    run: Run
    connection: Connection
    step: Step
    author: Author

    @property
    def healer(self) -> Recovery:
        run = self.run
        return Recovery(self.connection, self.step, self.author, run.tell, run.environment, run.patience)

    @property
    def script(self) -> Script:
        return self.step.script

    def through(self, at: Resumption, ledger: Ledger) -> None:
        """Every statement that is not done yet, in order; settings of those that are done are made again."""
        before, _ = opening(self.step, local=False)
        send(self.connection, before)
        count = len(self.script.statements)
        if at.done or at.begun:
            self.run.tell(StepResumed(self.step, min(at.position, count), count))
        for position, statement in enumerate(self.script.statements, start=1):
            if position <= at.done:
                if statement.kind == SETS or statement.sets:
                    send(self.connection, self.script.text_of(statement))
                continue
            self.run.hold()
            since = time.monotonic()
            before_it = self._left_before(at, ledger) if position == at.position and at.begun else None
            self._one(position, statement, before_it)
            self.run.tell(StatementFinished(self.step, position, count, round((time.monotonic() - since) * 1000)))

    def heal(self, at: Resumption, ledger: Ledger) -> None:
        """Only what the statement that no run saw the end of left of an index."""
        send(self.connection, opening(self.step, local=False)[0])
        for statement in self.script.statements[: at.done]:
            if statement.kind == SETS:
                send(self.connection, self.script.text_of(statement))
        earlier = self._left_before(at, ledger)
        if earlier and earlier.left.what in {Leaving.INDEX, Leaving.REINDEXED}:
            statement = self.script.statements[at.position - 1]
            self.healer.outcome(earlier, at.position, spot_in(self.script, statement, statement.start))

    def _left_before(self, at: Resumption, ledger: Ledger) -> InterruptedStatement | None:
        """What an earlier run was at when nobody saw its end."""
        if at.begun is None:
            return None
        self.healer.wait_for(at.begun)
        entry = next((e for e in ledger.entries if e.id == at.begun.entry), None)
        was = Script(entry.sql or "", self.script.path) if entry else self.script
        return attempted_before((self.script, was), at.begun)

    def _one(self, position: int, statement: Statement, earlier: InterruptedStatement | None) -> None:
        text = self.script.text_of(statement)
        spot = spot_in(self.script, statement, statement.start)
        if earlier and earlier.text != text:
            self._leave_behind(earlier, position, spot)
            earlier = None
        if statement.leaves is None and earlier is None and self._in_transaction(position, statement):
            return
        self._alone(position, statement, earlier)

    def _leave_behind(self, earlier: InterruptedStatement, position: int, spot: Spot) -> None:
        """The file was corrected: what the statement that stood here left behind goes. Raises where it is done."""
        if (
            earlier.left.what is Leaving.ANYTHING
            or self.healer.outcome(earlier, position, spot) is not RecoveryAction.DONE
        ):
            return
        what = f"an earlier run brought to its end what the file had here then: {redact(earlier.text)}"
        hint = "restore that statement, and put what should be done instead behind it"
        raise StepFailed(Failure(what), spot, lost=False, hint=hint)

    def _in_transaction(self, position: int, statement: Statement) -> bool:
        """The statement and its row of progress, or no trace of either; False where it may not be in a transaction."""
        before = "begin;\n"
        row = self.author.row(Reached.DONE, position)
        text = self.script.text_of(statement)
        answer = exchange(self.connection, f"{before}{text}\n;set local session authorization default; {row}; commit")
        if answer.failure is None:
            return True
        if not answer.lost:
            exchange(self.connection, "rollback")
        if answer.failure.sqlstate in IN_TRANSACTION:
            return False
        raise StepFailed(answer.failure, self._spot(statement, answer.failure, len(before)), answer.lost)

    def _alone(self, position: int, statement: Statement, earlier: InterruptedStatement | None) -> None:
        """What no transaction can hold: between a row that says what was there before, and one that says it is done."""
        left = statement.leaves or Leaves(Leaving.ANYTHING)
        spot = spot_in(self.script, statement, statement.start)
        attempted = earlier or InterruptedStatement(self.script.text_of(statement), left, None)
        if self.healer.outcome(attempted, position, spot) is RecoveryAction.RUN:
            record(self.connection, self.author.row(Reached.BEGUN, position, note=self._seen(left, spot)))
            self._carry_out(position, statement)
        record(self.connection, self.author.row(Reached.DONE, position))

    def _seen(self, left: Leaves, spot: Spot) -> str:
        try:
            return str(seen(self.connection, left))
        except CatalogUnreadable as refused:
            raise StepFailed(refused.answer.failure or Failure("no answer"), spot, refused.answer.lost) from None

    def _carry_out(self, position: int, statement: Statement) -> None:
        unhurried = _unhurried(self.connection, statement)
        for setting in unhurried:
            send(self.connection, f"set {setting} = 0")
        watch = IndexWatch(self.run.another, self.connection.info.backend_pid, self.step, self.run.tell)
        with contextlib.closing(watch):
            answer = exchange(self.connection, self.script.text_of(statement), watch)
        if answer.failure:
            failed = StepFailed(answer.failure, self._spot(statement, answer.failure, 0), answer.lost)
            if (statement.leaves or Leaves(Leaving.ANYTHING)).what is Leaving.ANYTHING:
                failed.retried, failed.hint = False, self.healer.repair(position)
            raise failed
        for setting in unhurried:
            send(self.connection, f"reset {setting}")

    def _spot(self, statement: Statement, failure: Failure, before: int) -> Spot:
        at = self.script.start_of(statement)
        inside = (failure.position or 0) - before - 1
        return spot_in(self.script, statement, at + inside if 0 <= inside <= statement.end - at else at)
