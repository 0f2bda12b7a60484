"""Estimates how long a migration blocks others on the tables of a real environment, as an order of magnitude. Pure.

The time that work took on a throw-away server's own rows shows how fast that machine is. The real machine is another
one, its cache is cold or busy, and sorting takes more than linear time. So a duration is reported as one of five words,
never as a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from ..ledger.ledger import Ledger
from ..plan.plan import Step
from .impact import Held, LockWindow, StepImpact, Work

FACTOR = 2.0
"""The largest ratio of real to proportional time in our measurements; estimates are multiplied by it."""


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
class Size:
    """The size of a table according to PostgreSQL's statistics, and its write rate."""

    rows: float
    pages: int = 0
    index_pages: int = 0
    writes_per_minute: float | None = None
    """Average since its statistics were reset; None where they do not have it."""


@dataclass(frozen=True)
class Rates:
    """Units of each kind of work that a server does per second, as measured on it."""

    scanned: float
    checked: float
    """Rows checked for a foreign key."""
    indexed: float
    rewritten: float
    pages: float
    """Pages of 8 kB, read or written during other work."""


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


def effect_of(
    impact: StepImpact, sizes: Mapping[str, Size], rates: Rates | None, measured: Measured | None = None
) -> Effect:
    """The effect, with a wait for each table on which a lock blocks other sessions."""
    return Effect(impact, tuple(_wait(window, sizes, rates, measured) for window in impact.windows))


def _wait(window: LockWindow, sizes: Mapping[str, Size], rates: Rates | None, measured: Measured | None) -> Wait:
    tables = {work.relation for work in window.worked_on}
    rows = max((sizes[table].rows for table in tables if table in sizes), default=None)
    bucket = _bucket(window, sizes, rates)
    if not tables or rows is None:
        measured = None
    elif measured and bucket is not None:
        bucket = max(bucket, bucket_of(in_proportion(measured, rows)))
    own = sizes.get(window.held.relation)
    return Wait(window.held, bucket, rows, own.writes_per_minute if own else None, measured)


def measured_in(
    name: str, step: Step, ledger: Ledger, impact: StepImpact, sizes: Mapping[str, Size]
) -> Measured | None:
    """The time of the same file in the previous environment, with `sizes` of that one; None where unknown."""
    entry = ledger.applied.get(step.number)
    tables = {work.relation for window in impact.windows for work in window.worked_on}
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
            return max(size.rows / rates.rewritten, pages / rates.pages) + _indexes(size, rates)


def bucket_of(duration: float) -> Bucket:
    """The bucket for a duration in seconds."""
    return next((bucket for most, bucket in _UP_TO if duration < most), Bucket.HOURS)


def tables_of(impacts: Iterable[StepImpact]) -> tuple[str, ...]:
    """The tables whose sizes the estimate needs, without duplicates."""
    windows = [window for impact in impacts for window in impact.windows]
    held = (window.held.relation for window in windows)
    return tuple(dict.fromkeys((*held, *(work.relation for window in windows for work in window.worked_on))))


def _bucket(window: LockWindow, sizes: Mapping[str, Size], rates: Rates | None) -> Bucket | None:
    if not window.worked_on:
        return Bucket.INSTANT
    if rates is None or any(work.relation not in sizes for work in window.worked_on):
        return None
    return bucket_of(FACTOR * sum(seconds(work.work, sizes[work.relation], rates) for work in window.worked_on))


def _indexes(size: Size, rates: Rates) -> float:
    """Seconds to rebuild all indexes, estimated from their pages as if they had as many rows per page as the table."""
    return size.index_pages / max(size.pages, 1) * size.rows / rates.indexed
