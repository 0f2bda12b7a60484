"""Finds failing transactions, lock waits, replica lag, cache misses and growth. Computes a report's figures. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .report import Figure, LoadFinding, LoadLevel

if TYPE_CHECKING:
    from .interval import Interval
    from .moments import Moments
    from .sample import DatabaseFigures, Sample

FAILING, FAILING_FACTOR = 0.05, 5.0
LAG_SECONDS, LAG_BEFORE = 30.0, 5.0
MORE_WAITING = 5
LEAST_BLOCKS, FEWER_HITS = 10_000, 0.1
GROWTH, LEAST_GROWTH = 0.2, 100 * 1024 * 1024


def database_changes(moments: Moments) -> Iterator[LoadFinding]:
    """The changes of the database as a whole."""
    yield from _failing(moments)
    yield from _waiting(moments)
    yield from _lag(moments)
    yield from _cache(moments)
    yield from _growth(moments)


def _failing(moments: Moments) -> Iterator[LoadFinding]:
    before, after = moments.before.database, moments.window.database()
    if before is None or after is None or after.rollbacks < moments.policy.calls:
        return
    recent = moments.recent.database()
    usual = max(_failed(before), _failed(recent) if recent else 0.0)
    now = _failed(after)
    if now >= FAILING and now >= FAILING_FACTOR * usual:
        what = f"{now:.0%} of the transactions were rolled back, instead of {usual:.0%}"
        yield LoadFinding("failing-transactions", LoadLevel.REGRESSION, what, "", after.rollbacks, usual, now)


def _failed(figures: DatabaseFigures) -> float:
    transactions = figures.commits + figures.rollbacks
    return figures.rollbacks / transactions if transactions else 0.0


def _waiting(moments: Moments) -> Iterator[LoadFinding]:
    before, after = moments.before.waiting, moments.end.waiting
    if before is not None and after is not None and after >= before + MORE_WAITING:
        what = f"{after} sessions wait for a lock, instead of {before}"
        yield LoadFinding("lock-waits", LoadLevel.NOTICE, what, before=before, after=after)


def _lag(moments: Moments) -> Iterator[LoadFinding]:
    before, after = moments.before.lag, moments.end.lag
    if before is not None and after is not None and before <= LAG_BEFORE and after >= LAG_SECONDS:
        what = f"a replica lags by {after:,.0f} s, instead of {before:,.0f} s"
        yield LoadFinding("replica-lag", LoadLevel.REGRESSION, what, before=before, after=after)


def _cache(moments: Moments) -> Iterator[LoadFinding]:
    before, after = _hits(moments.recent), _hits(moments.window)
    if before is not None and after is not None and before - after >= FEWER_HITS:
        what = f"{after:.0%} of the blocks were found in the cache, instead of {before:.0%}"
        yield LoadFinding("cache-misses", LoadLevel.NOTICE, what, before=before, after=after)


def _hits(interval: Interval) -> float | None:
    """The share of the blocks that were in the cache. None if unknown, or if too few blocks were read."""
    figures = interval.database()
    blocks = figures.hits + figures.reads if figures else 0
    return figures.hits / blocks if figures and blocks >= LEAST_BLOCKS else None


def _growth(moments: Moments) -> Iterator[LoadFinding]:
    before, after = _size(moments.before), _size(moments.end)
    if before and after and after - before >= max(GROWTH * before, LEAST_GROWTH):
        what = f"the database has grown by {(after - before) / before:.0%}"
        yield LoadFinding("growth", LoadLevel.NOTICE, what, before=before, after=after)


def _size(sample: Sample) -> int | None:
    return sample.database.bytes if sample.database else None


def figures_of(moments: Moments) -> tuple[Figure, ...]:
    """The measures of the load before and after the migrations."""
    recent, window = moments.recent, moments.window
    hits = [None if (share := _hits(each)) is None else 100 * share for each in (recent, window)]
    sizes = [_size(sample) for sample in (moments.before, moments.end)]
    figures = [
        Figure("transactions", _rate(recent), _rate(window), "a second"),
        Figure("blocks found in the cache", hits[0], hits[1], "%"),
        Figure("sessions that wait for a lock", moments.before.waiting, moments.end.waiting),
        Figure("replica lag", moments.before.lag, moments.end.lag, "s"),
        Figure("size of the database", sizes[0], sizes[1], "bytes"),
    ]
    names = sorted(moments.end.io)
    figures += [
        Figure(f"{name} of client backends", _io(recent, name), _io(window, name), "a second") for name in names
    ]
    return tuple(each for each in figures if each.before is not None or each.after is not None)


def _rate(interval: Interval) -> float | None:
    figures = interval.database()
    return (figures.commits + figures.rollbacks) / interval.seconds if figures and interval.seconds else None


def _io(interval: Interval, name: str) -> float | None:
    first, last = interval.first.io.get(name), interval.last.io.get(name)
    if first is None or last is None or last < first or not interval.seconds:
        return None
    return (last - first) / interval.seconds
