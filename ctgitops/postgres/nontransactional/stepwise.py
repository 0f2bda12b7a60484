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
from ..connection.cancellable_query import Answer, Failure, exchange, exchange_or_rollback, rows
from ..connection.effective_settings import ON_DISK
from ..ledger.ledger import insert_sql
from ..ledger.progress import BEGAN, Author
from ..transaction.execute import verify
from ..transaction.message import Spot, opening, spot_after, spot_in
from ..transaction.step_failure import IN_TRANSACTION, StepFailed, send
from .batched_update import Batches
from .index_progress import IndexWatch
from .leftovers import CatalogUnreadable, seen
from .recover import InterruptedStatement, Recovery, record, timeouts_to_disable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...core.plan.plan import Step
    from ...sql.parse import Statement
    from ...sql.script import Script
    from ..connection.connect import Connection
    from .run_context import Run

    BuildRunner = Callable[["Walk", Mapping[int, InterruptedStatement], tuple[int, ...]], None]
    """Runs the statements at some positions at the same time. Raises StepFailed and Interrupted."""

SETS = "VariableSetStmt"


class Stepwise:
    """Runs the migrations that must run outside a transaction. One instance belongs to one run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._entries: dict[int, int] = {}
        """Maps each migration's number to the ID of its `started` entry in this run."""

    def run(self, step: Step, entry: Entry, in_step: str = "", *, parallel: BuildRunner | None = None) -> int:
        """Runs the remaining statements of a step. Returns milliseconds. Raises StepFailed or Interrupted.

        The transaction of the ledger entry includes the statements `in_step`. `parallel` runs index builds that may run
        at the same time. Without it, they run one after the other.
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
            Walk(self._run, connection, step, author).through(at, ledger, parallel)
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
        if not at.all_begun:
            return ()
        healed: list[str] = []

        def tell(progress: Progress) -> None:
            if isinstance(progress, LeftoverHealed):
                healed.append(progress.what)
            self._run.tell(progress)

        connection = self._run.connected()
        author = author_of(connection, at.all_begun[0].entry, step)
        Walk(replace(self._run, tell=tell), connection, step, author).drop_invalid_indexes(at, ledger)
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


def author_of(connection: Connection, entry: int, step: Step) -> Author:
    """The values that all progress rows on this connection share. `entry` is the ID of the `started` entry."""
    return Author(Escaping(connection.pgconn), entry, step, _began(connection))


def _began(connection: Connection) -> str:
    answer = send(connection, BEGAN)
    return str(next(value for result in answer.results for row in rows(result) for value in row))


@dataclass(frozen=True)
class Walk:
    """One attempt at the remaining statements of one migration. `connection` runs them, and `author` records them."""

    run: Run
    connection: Connection
    step: Step
    author: Author

    @property
    def recovery(self) -> Recovery:
        """Repairs what an earlier run left, on this connection."""
        return Recovery(self.run, self.connection, self.step, self.author)

    @property
    def script(self) -> Script:
        """The step's file."""
        return self.step.script

    def through(self, at: Resumption, ledger: Ledger, parallel: BuildRunner | None = None) -> None:
        """Repeats the completed SET statements. Then runs every other incomplete statement in order.

        With `parallel`, independent index builds run at the same time.
        """
        count = len(self.script.statements)
        if at.done or at.all_begun:
            self.run.tell(StepResumed(self.step, min(at.position, count), count))
        self.open(at.done)
        earlier = self._earlier(at, ledger)
        left = frozenset(range(at.position, count + 1)).difference(at.ahead)
        for positions in self._segments() if parallel else ((position,) for position in sorted(left)):
            remaining = tuple(position for position in positions if position in left)
            if parallel and len(remaining) > 1:
                parallel(self, earlier, remaining)
            else:
                for position in remaining:
                    self.one(position, earlier.get(position))

    def _segments(self) -> tuple[tuple[int, ...], ...]:
        """The positions of all statements. Those in one sequence may run at the same time."""
        from ...sql.parallel_builds import segments

        return segments(self.script.statements)

    def drop_invalid_indexes(self, at: Resumption, ledger: Ledger) -> None:
        """Drops the INVALID indexes of statements that began and are not recorded as done. Repairs nothing else."""
        self.open(at.done)
        for position, earlier in self.recovery.began_before(at, ledger).items():
            if earlier.left.what in {LeftoverKind.INDEX, LeftoverKind.REINDEXED}:
                self.recovery.outcome(earlier, position, self.spot_of(position))

    def open(self, done: int) -> None:
        """Prepares a new connection. Repeats the SET statements among the first `done` statements."""
        send(self.connection, opening(self.step, local=False)[0])
        for statement in self.script.statements[:done]:
            if statement.kind == SETS or statement.sets:
                send(self.connection, self.script.text_of(statement))

    def _earlier(self, at: Resumption, ledger: Ledger) -> dict[int, InterruptedStatement]:
        """Maps positions to the unfinished statements that an earlier run began there, and that the file still has.

        Repairs the leftovers of all others first: a statement of this run may create an index with the same name.
        """
        found = self.recovery.began_before(at, ledger)
        texts = [self.script.text_of(statement) for statement in self.script.statements]
        replaced = {p: earlier for p, earlier in found.items() if texts[p - 1 : p] != [earlier.text]}
        for position, earlier in replaced.items():
            self._recover_replaced(earlier, position, moved=earlier.text in texts)
        return {position: earlier for position, earlier in found.items() if position not in replaced}

    def spot_of(self, position: int) -> Spot:
        """The spot of a statement. If the file has become shorter, the spot of its last statement."""
        statement = self.script.statements[min(position, len(self.script.statements)) - 1]
        return spot_in(self.script, statement, statement.start)

    def one(self, position: int, earlier: InterruptedStatement | None) -> None:
        """Runs a statement to its end. `earlier` is the statement that an earlier run began at this position."""
        self.run.assert_lock_held()
        since = time.monotonic()
        statement = self.script.statements[position - 1]
        if statement.leftovers is not None or earlier or not self._in_transaction(position, statement):
            self._alone(position, statement, earlier)
        self.report(position, since)

    def report(self, position: int, since: float) -> None:
        """Tells that a statement is done, which began at the monotonic time `since`."""
        millis = round((time.monotonic() - since) * 1000)
        self.run.tell(StatementFinished(self.step, position, len(self.script.statements), millis))

    def _recover_replaced(self, earlier: InterruptedStatement, position: int, *, moved: bool) -> None:
        """Repairs the leftovers of `earlier`, which the file lacks at `position`. `moved`: the file has it elsewhere.

        Raises StepFailed if `earlier` completed and the file lacks it.
        """
        spot = self.spot_of(position)
        if (
            earlier.left.what is LeftoverKind.ANYTHING
            or self.recovery.outcome(earlier, position, spot) is not RecoveryAction.DONE
            or moved
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
        if self.must_run(position, earlier):
            disabled = self.begin(position)
            watch = IndexWatch(self.run.another, self.connection.info.backend_pid, self.step, self.run.tell)
            with contextlib.closing(watch):
                answer = exchange(self.connection, self.script.text_of(statement), watch)
            self.check(position, answer, disabled)
        self.record_done(position)

    def must_run(self, position: int, earlier: InterruptedStatement | None) -> bool:
        """Whether a statement must run outside a transaction. Repairs the leftovers of `earlier`."""
        statement = self.script.statements[position - 1]
        left = statement.leftovers or Leftovers(LeftoverKind.ANYTHING)
        attempted = earlier or InterruptedStatement(self.script.text_of(statement), left, None)
        return self.recovery.outcome(attempted, position, self.spot_of(position)) is RecoveryAction.RUN

    def begin(self, position: int) -> list[str]:
        """Records the current state and that the statement begins. Returns the timeouts that it disabled."""
        statement = self.script.statements[position - 1]
        note = self._seen(statement.leftovers or Leftovers(LeftoverKind.ANYTHING), self.spot_of(position))
        record(self.connection, self.author.row(ProgressState.BEGUN, position, note=note))
        disabled = timeouts_to_disable(self.connection, statement)
        for setting in disabled:
            send(self.connection, f"set {setting} = 0")
        return disabled

    def record_done(self, position: int) -> None:
        """Records that a statement is done."""
        record(self.connection, self.author.row(ProgressState.DONE, position))

    def _seen(self, left: Leftovers, spot: Spot) -> str:
        try:
            return str(seen(self.connection, left))
        except CatalogUnreadable as refused:
            raise StepFailed(refused.answer.failure or Failure("no answer"), spot, refused.answer.lost) from None

    def check(self, position: int, answer: Answer, disabled: list[str]) -> None:
        """Resets the timeouts that `begin` disabled. Raises StepFailed if the statement failed."""
        statement = self.script.statements[position - 1]
        if answer.failure:
            spot = spot_after(self.script, statement, 0, answer.failure.position)
            failed = StepFailed(answer.failure, spot, answer.lost)
            if (statement.leftovers or Leftovers(LeftoverKind.ANYTHING)).what is LeftoverKind.ANYTHING:
                failed.retried, failed.hint = False, self.recovery.repair(position)
            raise failed
        for setting in disabled:
            send(self.connection, f"reset {setting}")
