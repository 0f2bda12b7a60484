"""Estimates how long a migration blocks others on the tables of a real environment, as an order of magnitude. Pure.

The time that work took on a throw-away server's own rows shows how fast that machine is. The real machine is another
one, its cache is cold or busy, and sorting takes more than linear time. So a duration is reported as one of five words,
never as a number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from ..ledger.ledger import Ledger
from ..plan.plan import Step
from .impact import Held, LockWindow, StatementImpact, StepImpact, Work
from .query_estimate import Cost, Estimator, UnknownTimeError, indexing
from .size import Rates, Size

FACTOR = 2.0
"""The largest ratio of real to proportional time in our measurements; estimates are multiplied by it."""
_ROWS_PER_PAGE = 80
"""Of a table that the plan itself creates."""


class Bucket(IntEnum):
    """The estimated duration, as an order of magnitude."""

    INSTANT = 0
    SECONDS = 1
    UNDER_A_MINUTE = 2
    MINUTES = 3
    HOURS = 4

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")


_UP_TO = ((1.0, Bucket.INSTANT), (10.0, Bucket.SECONDS), (60.0, Bucket.UNDER_A_MINUTE), (3600.0, Bucket.MINUTES))


@dataclass(frozen=True)
class Measured:
    """The time that the same migration took in the previous environment, and the rows of its largest table there."""

    environment: str
    millis: int
    rows: float


@dataclass(frozen=True)
class Wait:
    """The wait that one lock of a migration causes, and its estimated duration."""

    held: Held
    bucket: Bucket | None
    """None where the sizes of the tables are unknown."""
    rows: float | None
    """Rows of the largest table that it works on."""
    writes_per_minute: float | None = None
    measured: Measured | None = None


@dataclass(frozen=True)
class Effect:
    """The effect of one migration on an environment: the impact in the trial, and the waits that it causes here."""

    impact: StepImpact
    waits: tuple[Wait, ...] = ()


def effects(
    impacts: Mapping[int, StepImpact],
    sizes: Mapping[str, Size],
    rates: Rates | None,
    measured: Mapping[int, Measured],
) -> dict[int, Effect]:
    """The effect of each migration of a plan, by number; each finds the tables as the ones before it leave them."""
    found = {}
    for number, impact in impacts.items():
        found[number] = effect_of(impact, sizes, rates, measured.get(number))
        sizes = [sizes, *(after for _, after in _timed(impact, sizes, rates))][-1]
    return found


def effect_of(
    impact: StepImpact, sizes: Mapping[str, Size], rates: Rates | None, measured: Measured | None = None
) -> Effect:
    """The effect, with a wait for each table on which a lock blocks other sessions."""
    times = tuple(time for time, _ in _timed(impact, sizes, rates))
    waits = []
    for window in impact.windows:
        first = impact.statements.index(window.during[0])
        waits.append(_wait(window, times[first : first + len(window.during)], sizes, measured))
    return Effect(impact, tuple(waits))


def _wait(
    window: LockWindow, times: tuple[float | None, ...], sizes: Mapping[str, Size], measured: Measured | None
) -> Wait:
    tables = window.worked_on
    rows = max((sizes[table].rows for table in tables if table in sizes), default=None)
    known = [time for time in times if time is not None]
    bucket = bucket_of(sum(known)) if len(known) == len(times) else None
    if not tables or rows is None:
        measured = None
    elif measured and bucket is not None:
        bucket = max(bucket, bucket_of(in_proportion(measured, rows)))
    own = sizes.get(window.held.relation)
    return Wait(window.held, bucket, rows, own.writes_per_minute if own else None, measured)


def _timed(
    impact: StepImpact, sizes: Mapping[str, Size], rates: Rates | None
) -> Iterator[tuple[float | None, Mapping[str, Size]]]:
    """The time of each statement in seconds, None where it is unknown, and the sizes of tables after it."""
    for each in impact.statements:
        if rates is None:
            own = None if each.unmeasured or each.tables else each.millis / 1000
            yield own, sizes
            continue
        try:
            costs = [Estimator(sizes, rates).of(plan) for plan in each.queries]
        except UnknownTimeError:
            sizes = {**sizes, **dict.fromkeys(each.filled, Size(math.inf))}
            yield None, sizes
            continue
        work = _worked(each, sizes, rates)
        total = None if work is None or each.unmeasured else FACTOR * (work + sum(cost.seconds for cost in costs))
        sizes = _grown(each, sizes, costs)
        filling = FACTOR * sum(sizes[name].rows for name in each.filled) / rates.inserted
        yield _known(total, filling, each.millis / 1000), sizes


def _known(total: float | None, filling: float, least: float) -> float | None:
    """The sum, at least the time in the trial; None where a part is unknown."""
    return None if total is None or math.isinf(total + filling) else max(total + filling, least)


def _worked(statement: StatementImpact, sizes: Mapping[str, Size], rates: Rates) -> float | None:
    """Seconds for its work on whole tables; what the plan itself created and filled has an estimated size."""
    there = [work for work in statement.worked if work.relation in sizes or not work.fresh]
    if any(work.relation not in sizes for work in there):
        return None
    return sum(seconds(work.work, sizes[work.relation], rates) for work in there)


def _grown(statement: StatementImpact, sizes: Mapping[str, Size], costs: Sequence[Cost]) -> Mapping[str, Size]:
    """The sizes after its queries added rows to tables."""
    more = {name: max((cost.rows for cost in costs), default=0.0) for name in statement.filled}
    for plan, cost in zip(statement.queries, costs, strict=True):
        if plan.operation == "Insert":
            more[plan.relation] = more.get(plan.relation, 0.0) + cost.rows
    new = {name: _with(sizes.get(name, Size(0)), rows) for name, rows in more.items() if rows}
    return {**sizes, **dict.fromkeys(statement.filled, Size(0)), **new}


def _with(size: Size, rows: float) -> Size:
    pages = rows * (size.pages / size.rows if size.rows and size.pages else 1 / _ROWS_PER_PAGE)
    return replace(size, rows=size.rows + rows, pages=size.pages + round(pages))


def measured_in(
    name: str, step: Step, ledger: Ledger, impact: StepImpact, sizes: Mapping[str, Size]
) -> Measured | None:
    """The time of the same file in the previous environment, with `sizes` of that one; None where unknown."""
    entry = ledger.applied.get(step.number)
    tables = {table for window in impact.windows for table in window.worked_on}
    rows = max((sizes[table].rows for table in tables if table in sizes), default=0)
    if entry is None or entry.millis is None or entry.checksum != step.checksum or not rows:
        return None
    return Measured(name, entry.millis, rows)


def in_proportion(measured: Measured, rows: float) -> float:
    """The time in seconds for `rows`, in proportion to the measured rows; never less than measured."""
    return measured.millis / 1000 * max(1.0, rows / measured.rows) if measured.rows > 0 else measured.millis / 1000


def seconds(work: Work, size: Size, rates: Rates) -> float:
    """The time for work on a whole table at the measured rates, in proportion to the table's size."""
    match work:
        case Work.EMPTY:
            return 0.0
        case Work.SCAN:
            return max(size.rows / rates.scanned, size.pages / rates.pages)
        case Work.FOREIGN_KEY:
            return max(size.rows / rates.checked, size.pages / rates.pages)
        case Work.INDEX:
            return max(size.rows / rates.indexed, size.pages / rates.pages)
        case Work.REWRITE:
            pages = 2 * size.pages + size.index_pages
            return max(size.rows / rates.rewritten, pages / rates.pages) + indexing(size, rates)


def bucket_of(duration: float) -> Bucket:
    """The bucket for a duration in seconds."""
    return next((bucket for most, bucket in _UP_TO if duration < most), Bucket.HOURS)


def tables_of(impacts: Iterable[StepImpact]) -> tuple[str, ...]:
    """The tables whose sizes the estimate needs, without duplicates."""
    impacts = tuple(impacts)
    windows = [window for impact in impacts for window in impact.windows]
    held = (window.held.relation for window in windows)
    return tuple(
        dict.fromkeys((*held, *(table for impact in impacts for each in impact.statements for table in each.tables)))
    )
