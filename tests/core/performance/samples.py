"""Samples for tests of the load: a quiet database, and what differs from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from ctgitops.core.environment.performance_policy import PerformancePolicy
from ctgitops.core.performance.interval import STATEMENTS, TABLES
from ctgitops.core.performance.moments import Moments
from ctgitops.core.performance.sample import DatabaseFigures, IndexFigures, Sample, StatementFigures, TableFigures
from tests.fakes import NOW

POLICY = PerformancePolicy(within=timedelta(seconds=60))
ORDERS = "public.orders"
TEXT = "select sum(amount) from orders where customer = $1"
AT = {"first": -60, "before": -50, "after": -48, "end": 12}
"""When the samples of a run are taken, in seconds."""


def statement(calls: int, mean: float, blocks: int = 4, longest: float = 2.0, text: str = TEXT) -> StatementFigures:
    """A statement whose calls all took about as long."""
    squares = calls * (mean * mean * 1.04)
    return StatementFigures(calls, calls * mean, squares, calls * blocks, longest, text)


def more(before: StatementFigures, calls: int, mean: float, blocks: int = 4, longest: float = 0.0) -> StatementFigures:
    """The counters after more calls."""
    now = statement(calls, mean, blocks, longest)
    return StatementFigures(
        before.calls + now.calls,
        before.total + now.total,
        before.squares + now.squares,
        before.blocks + now.blocks,
        max(before.longest, longest),
        before.text,
    )


def sample(at: str, statements: Mapping[str, StatementFigures] | None = None, **parts: object) -> Sample:
    """A sample of a quiet database at one of the moments of a run."""
    count = AT[at] + 100
    quiet = Sample(
        moment(at),
        statements or {},
        {ORDERS: table(index_scans=1000 * count)},
        {"public.orders_pkey": IndexFigures(ORDERS, 1000 * count, constrains=True)},
        DatabaseFigures(commits=100 * count, hits=100_000 * count, bytes=10**9),
        waiting=0,
        lag=0.0,
        resets={STATEMENTS: "monday", TABLES: "monday"},
    )
    return replace(quiet, **parts)  # type: ignore[arg-type]


def table(**parts: object) -> TableFigures:
    """The large table."""
    return replace(TableFigures(100_000, bytes=10**7, file=1, definition="a"), **parts)  # type: ignore[arg-type]


def moment(at: str) -> datetime:
    """When a sample is taken."""
    return NOW + timedelta(seconds=AT[at])


def moments(**samples: Sample) -> Moments:
    """The samples of a run; those that are not given are of a quiet database."""
    first, before, after, end = (samples.get(at) or sample(at) for at in AT)
    return Moments(first, before, after, end, POLICY)


def run_of(before: StatementFigures, recent: StatementFigures, window: StatementFigures) -> Moments:
    """A run in which one statement has the counters of `before` at first."""
    at_start = StatementFigures(*_plus(before, recent), text=before.text, longest=before.longest)
    at_end = StatementFigures(*_plus(at_start, window), text=before.text, longest=max(before.longest, window.longest))
    busy = {"b": statement(10_000, 1.0)}
    later = {"b": more(busy["b"], 1000, 1.0)}
    last = {"b": more(later["b"], 6000, 1.0)}
    return moments(
        first=sample("first", {"a": before, **busy}),
        before=sample("before", {"a": at_start, **later}),
        after=sample("after", {"a": at_start, **later}),
        end=sample("end", {"a": at_end, **last}),
    )


def _plus(one: StatementFigures, two: StatementFigures) -> tuple[int, float, float, int]:
    return one.calls + two.calls, one.total + two.total, one.squares + two.squares, one.blocks + two.blocks
