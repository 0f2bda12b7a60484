"""Runs a batched data migration in short transactions until no rows are left. Each transaction adds a progress row."""

from __future__ import annotations

import json
import time
from dataclasses import field
from typing import TYPE_CHECKING, Any

from ...core.ledger.resumption import Kind, ProgressState, Resumption
from ...core.run.progress import BatchFinished, BatchPaused
from ...lazy import dataclass
from ...sql.batch import Batch, Shape, sized, waiting_for_all
from ...sql.nodes import quoted_name
from ...sql.parse import batch_shape
from ..connection.cancellable_query import Answer, Failure, exchange, exchange_or_rollback, rest, rows
from ..connection.failure_cause import LOCK_NOT_AVAILABLE
from ..connection.names import literal
from ..transaction.message import Spot, spot_after, spot_in
from ..transaction.step_failure import ENDLESS, StepFailed, TimeBudgetSpent
from .throttle import WAITERS, Throttle

if TYPE_CHECKING:
    from ...core.plan.plan import Step
    from ..connection.connect import Connection
    from ..ledger.progress import Author
    from .run_context import Run

RETRYABLE = frozenset({LOCK_NOT_AVAILABLE, "40P01", "40001"})
"""SQLSTATEs after which a retry may succeed: lock timeout, deadlock, serialization failure."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0
REPORT_EVERY_SECONDS = 5.0
EVERYTHING = 2**62
# An 8 kB page has room for 291 rows without columns. For an analyzed table, reltuples / relpages is used instead.
_MOST_ROWS = """
with recursive parts (oid) as (
    select pg_catalog.to_regclass(name)::pg_catalog.oid
    from pg_catalog.unnest(array[{names}]::pg_catalog.text[]) name
    union select i.inhrelid from pg_catalog.pg_inherits i join parts on parts.oid operator(pg_catalog.=) i.inhparent
), pages (rows, count) as (
    select case when c.relpages operator(pg_catalog.>) 0 and c.reltuples operator(pg_catalog.>) 0
        then c.reltuples operator(pg_catalog./) c.relpages else 291 end,
        pg_catalog.pg_relation_size(c.oid)
            operator(pg_catalog./) pg_catalog.current_setting('block_size')::pg_catalog.int8
    from parts join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) parts.oid
    where c.relkind operator(pg_catalog.=) 'r'
)
select coalesce(pg_catalog.sum(rows operator(pg_catalog.*) (count operator(pg_catalog.+) 1)), 0)::pg_catalog.int8
from pages
"""


@dataclass
class Batches:
    """One attempt at the remaining rows of one batched migration."""

    run: Run
    connection: Connection
    step: Step
    author: Author
    batch: Batch
    rows: int = 0
    """The number of rows that this run and earlier runs have changed."""
    batches: int = 0
    _began: float = field(default_factory=time.monotonic)
    _reported_at: float = -REPORT_EVERY_SECONDS
    _before: int = 0
    _about: int = 0

    def through(self, at: Resumption) -> None:
        """Runs batches until no rows are left. Raises StepFailed, OutOfTime, Interrupted."""
        self.rows = self._before = at.rows
        self.batches = at.batches
        throttle = Throttle(self.batch)
        most = self.batch.max_rows or self._most_rows()
        self._about = self._estimate()
        while touched := self._next(throttle):
            self.rows += touched
            self.batches += 1
            self._tell()
            if self.rows > most:
                raise self._endless(most)
            self._refuse_late()
            rest(throttle.pause)
        self._reported_at = -REPORT_EVERY_SECONDS
        self._tell()

    def _next(self, throttle: Throttle) -> int:
        """Runs the next batch, and returns its number of rows. Returns 0 if no rows are left, not even locked rows."""
        self.run.assert_lock_held()
        while behind := throttle.lag(self.connection):
            self.run.tell(BatchPaused(self.step, f"a replica lags by {behind:.0f} s"))
            self._refuse_late()
            self.run.assert_lock_held()
            rest(1.0)
        text = self.step.script.text_of(self.step.script.statements[0])
        touched = self._tried(text, throttle)
        everybodys = waiting_for_all(text)
        return touched if touched or everybodys == text else self._tried(everybodys, throttle)

    def _tried(self, text: str, throttle: Throttle) -> int:
        """Runs one batch. After a lock timeout, rolls the batch back and retries it for a limited time."""
        message = sized(text, batch_shape(text), self.batch.size)
        deadline = time.monotonic() + self.run.patience
        pause = FIRST_PAUSE_SECONDS
        while True:
            answer = exchange_or_rollback(self.connection, f"begin;\n{message}")
            if answer.failure is None:
                return self._committed(answer, throttle)
            if answer.failure.sqlstate not in RETRYABLE or time.monotonic() + pause > deadline:
                raise StepFailed(answer.failure, self._spot(answer.failure), answer.lost)
            self.run.tell(BatchPaused(self.step, f"batch rolled back, retrying: {answer.failure.message}"))
            self._refuse_late()
            self.run.assert_lock_held()
            rest(pause, jitter=0.2)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _committed(self, answer: Answer, throttle: Throttle) -> int:
        """Adds the progress row and commits. Returns the number of updated rows. Rolls back an empty batch."""
        touched = answer.results[-1].command_tuples or 0
        if not touched:
            exchange(self.connection, "rollback")
            return 0
        row = self.author.row(ProgressState.DONE, 1, kind=Kind.BATCH, rows=touched)
        sql = f"set local session authorization default; {row}; {WAITERS}; commit"
        kept = exchange_or_rollback(self.connection, sql)
        if kept.failure:
            raise StepFailed(kept.failure, self._spot(kept.failure), kept.lost)
        throttle.waited(int(rows(kept.results[-2])[0][0] or 0))
        return touched

    def _spot(self, failure: Failure) -> Spot:
        script = self.step.script
        return spot_after(script, script.statements[0], len("begin;\n"), failure.position)

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._reported_at < REPORT_EVERY_SECONDS:
            return
        self._reported_at = now
        rate = (self.rows - self._before) / max(now - self._began, 0.001)
        about = self._about + self._before
        left = (about - self.rows) / rate if rate and about > self.rows else 0.0
        self.run.tell(BatchFinished(self.step, self.batches, self.rows, rate, left))

    def _refuse_late(self) -> None:
        budget = self.batch.budget
        if budget is not None and time.monotonic() - self._began > budget.total_seconds():
            raise TimeBudgetSpent(self.rows)

    def _endless(self, most: int) -> StepFailed:
        script = self.step.script
        statement = script.statements[0]
        whose = "`max_rows`" if self.batch.max_rows else "twice the rows of its tables"
        what = (
            f"it processed {self.rows:,} rows, more than {most:,} ({whose}): it probably processes the same rows again"
        )
        spot = spot_in(script, statement, script.start_of(statement))
        return StepFailed(Failure(what), spot, lost=False, hint=ENDLESS)

    def _most_rows(self) -> int:
        names = [quoted_name(schema, name) for schema, name in self._shape().tables]
        array = ", ".join(literal(self.author.escaping, name) for name in names)
        answer = exchange(self.connection, _MOST_ROWS.format(names=array))
        found = 0 if answer.failure else int(rows(answer.results[-1])[0][0] or 0)
        return self._before + 2 * found + 10 * self.batch.size

    def _shape(self) -> Shape:
        return batch_shape(self.step.script.text_of(self.step.script.statements[0]))

    def _estimate(self) -> int:
        """PostgreSQL's estimate of the number of rows to update. 0 without an estimate."""
        text = self.step.script.text_of(self.step.script.statements[0])
        answer = exchange(self.connection, f"explain (format json) {sized(text, self._shape(), EVERYTHING)}")
        if answer.failure:
            return 0
        plan = json.loads(rows(answer.results[-1])[0][0] or "[{}]")[0].get("Plan", {})
        return max((int(part.get("Plan Rows", 0)) for part in _changed(plan)), default=0)


def _changed(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The plan nodes from which an UPDATE, DELETE or INSERT reads its rows."""
    children: list[dict[str, Any]] = plan.get("Plans", [])
    return [child for child in children if child.get("Parent Relationship") == "Outer"]
