"""Estimates how long a migration blocks other sessions in a real environment, as an order of magnitude. Pure.

The rates of a throw-away server show how fast that machine is. The real machine differs: its cache may be cold or busy,
and sorting takes more than linear time. So a duration is reported as one of five words, never as a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

from ...lazy import dataclass
from .statement_time import Change, Timed, timed

if TYPE_CHECKING:
    from ..ledger.ledger import Ledger
    from ..plan.plan import Step
    from .impact import Held, LockWindow, StepImpact
    from .size import Rates, Size

FACTOR = 2.0
"""The largest assumed error of an estimate. A real duration is at most this many times longer or shorter."""
TRUSTED = 1.0
"""A time that was measured in another environment replaces an estimate if it is at least this many seconds."""


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
    """The same migration in the previous environment: its duration, and the rows of its largest table."""

    environment: str
    millis: int
    rows: float


@dataclass(frozen=True)
class Wait:
    """The wait of other sessions for one lock of a migration, and its estimated duration."""

    held: Held
    bucket: Bucket | None
    """The longest likely duration. None if the sizes of the tables are unknown."""
    rows: float | None
    """Rows of the largest table that the migration works on under the lock. None if unknown."""
    writes_per_minute: float | None = None
    measured: Measured | None = None
    least: Bucket | None = None
    """The shortest likely duration, if it is the bucket directly below `bucket`. Otherwise None."""


@dataclass(frozen=True)
class RowChange:
    """The rows that one statement changes, and the time during which they stay locked: until the commit."""

    change: Change
    bucket: Bucket | None
    least: Bucket | None = None


@dataclass(frozen=True)
class Effect:
    """The effect of one migration on an environment: the trial's impact, and the waits of other sessions."""

    impact: StepImpact
    waits: tuple[Wait, ...] = ()
    changes: tuple[RowChange, ...] = ()
    times: tuple[float | None, ...] = ()
    """The estimated seconds of each statement. None for a statement whose time is unknown."""
    scaled: float | None = None
    """The seconds that all statements took in the previous environment, scaled to this environment's rows."""

    @property
    def buckets(self) -> tuple[Bucket | None, ...]:
        """The durations of all waits and row changes. None stands for an unknown duration."""
        return (*(wait.bucket for wait in self.waits), *(change.bucket for change in self.changes))

    @property
    def unknown(self) -> bool:
        """Whether the duration of any wait or row change is unknown."""
        return None in self.buckets


def effects(
    impacts: Mapping[int, StepImpact],
    sizes: Mapping[str, Size],
    rates: Rates | None,
    measured: Mapping[int, Measured],
) -> dict[int, Effect]:
    """Maps each migration's number to its effect, estimated with the table sizes that earlier migrations leave."""
    found = {}
    for number, impact in impacts.items():
        found[number] = effect_of(impact, sizes, rates, measured.get(number))
        sizes = [sizes, *(each.sizes for each in timed(impact, sizes, rates))][-1]
    return found


def effect_of(
    impact: StepImpact, sizes: Mapping[str, Size], rates: Rates | None, measured: Measured | None = None
) -> Effect:
    """The effect of one migration, with a wait for each table on which a lock blocks other sessions."""
    found = tuple(timed(impact, sizes, rates))
    rows = _rows({table for each in impact.statements for table in each.tables}, sizes)
    scaled = in_proportion(measured, rows) if measured and rows is not None else None
    spent = _Spent(found, scaled)
    waits = []
    for window in impact.windows:
        first = impact.statements.index(window.during[0])
        span = spent.of(first, first + len(window.during))
        waits.append(_wait(window, span, sizes, measured))
    changes = []
    for number, each in enumerate(found):
        span = spent.of(number, len(found) if impact.transactional else number + 1)
        changes += [RowChange(change, *span) for change in each.changes]
    return Effect(impact, tuple(waits), tuple(changes), tuple(each.seconds for each in found), scaled)


Span = tuple[Bucket | None, Bucket | None]
"""The bucket of the longest likely duration. Also the bucket below it, if the duration may be in either bucket."""


def _wait(window: LockWindow, span: Span, sizes: Mapping[str, Size], measured: Measured | None) -> Wait:
    tables = window.worked_on
    rows, own = _rows(tables, sizes), sizes.get(window.held.relation)
    millis = measured if rows is not None else None
    return Wait(window.held, span[0], rows, own.writes_per_minute if own else None, millis, span[1])


@dataclass(frozen=True)
class _Spent:
    """The estimated durations of a migration's statements."""

    found: Sequence[Timed]
    scaled: float | None

    def of(self, first: int, end: int) -> Span:
        """The duration of the statements from `first` to `end` - 1: a share of a measured time, or else an estimate."""
        during = self.found[first:end]
        total, known = _total(self.found), _total(during)
        if self.scaled is None or self.scaled < TRUSTED or not any(each.sized for each in during):
            return (None, None) if known is None else span_of(known)
        return span_of(self.scaled * known / total if known is not None and total else self.scaled)


def _total(found: Iterable[Timed]) -> float | None:
    total = 0.0
    for each in found:
        if each.seconds is None:
            return None
        total += each.seconds
    return total


def span_of(seconds: float) -> Span:
    """The buckets of an estimated duration. Contains at most the two longest buckets."""
    most, least = bucket_of(FACTOR * seconds), bucket_of(seconds / FACTOR)
    return most, None if least == most else Bucket(most - 1)


def _rows(tables: Iterable[str], sizes: Mapping[str, Size]) -> float | None:
    return max((sizes[table].rows for table in tables if table in sizes), default=None)


def measured_in(
    name: str, step: Step, ledger: Ledger, impact: StepImpact, sizes: Mapping[str, Size]
) -> Measured | None:
    """The same file's duration in the previous environment, whose table sizes are `sizes`. None if unknown."""
    entry = ledger.applied.get(step.number)
    rows = _rows({table for each in impact.statements for table in each.tables}, sizes)
    if entry is None or entry.millis is None or entry.checksum != step.checksum or not rows:
        return None
    return Measured(name, entry.millis, rows)


def in_proportion(measured: Measured, rows: float) -> float:
    """The duration in seconds, scaled from the measured rows to `rows`. It is never below the measured duration."""
    return measured.millis / 1000 * max(1.0, rows / measured.rows) if measured.rows > 0 else measured.millis / 1000


def bucket_of(duration: float) -> Bucket:
    """The bucket of a duration in seconds."""
    return next((bucket for most, bucket in _UP_TO if duration < most), Bucket.HOURS)


def tables_of(impacts: Iterable[StepImpact]) -> tuple[str, ...]:
    """The tables whose sizes the estimate needs, without duplicates."""
    impacts = tuple(impacts)
    windows = [window for impact in impacts for window in impact.windows]
    held = (window.held.relation for window in windows)
    return tuple(
        dict.fromkeys((*held, *(table for impact in impacts for each in impact.statements for table in each.tables)))
    )
