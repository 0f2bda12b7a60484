"""Measures one benchmark in two copies that take turns, and repeats a round that shows a regression."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.benchmark.comparison import Turn, compare
from ...core.benchmark.failure import BenchmarkError
from ...core.benchmark.outcome import BenchmarkResult, BenchmarkVerdict, reproduced, verdict_of
from ...core.benchmark.plan_tree import PlanChange
from ...errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...core.benchmark.benchmark import Benchmark
    from ...ports.benchmark import Benchmarks, BenchmarkSession
    from ...ports.shadow import OpenCopy

TURN_MILLIS = 5.0
"""A turn repeats a short benchmark for about this long, so that one interruption does not matter."""
MOST_TIMES = 25
MOST_TURN_MILLIS = 200.0
"""If the slower database needs longer than this for a turn, a turn has fewer runs."""
ROUND_SECONDS = 1.5
"""A round ends after this time, if it has enough pairs."""
FEWEST_PAIRS, MOST_PAIRS = 9, 31
PGBENCH_PAIRS = 8
"""The smallest number of pairs whose values all lie in the confidence interval, with its probability."""
LONG_SECONDS, LONG_PAIRS = 20.0, 3
"""After this time, a round of long runs ends with fewer pairs. Its interval then has a smaller probability."""
LONG_WARM_UP = 1.0
"""A run that takes longer than this number of seconds is not repeated to warm up."""
Plans = tuple[tuple[str, tuple[str, ...]], ...]


def measure(
    benchmark: Benchmark,
    sides: tuple[Mapping[str, str], Mapping[str, str]],
    copies: tuple[OpenCopy, OpenCopy],
    benchmarks: Benchmarks,
) -> BenchmarkResult:
    """The result of one benchmark. If the first round shows a regression, analyses both copies and measures again."""
    first = _round(benchmark, sides, benchmarks)
    if first.comparison is None or not (first.is_regression or first.plans):
        return first
    try:
        for copy in copies:
            copy.settle(rewrite=False)
    except LedgerError as error:
        return unknown(benchmark, error.what)
    return reproduced(first, _round(benchmark, sides, benchmarks))


def _round(
    benchmark: Benchmark, sides: tuple[Mapping[str, str], Mapping[str, str]], benchmarks: Benchmarks
) -> BenchmarkResult:
    with ExitStack() as stack:
        opened: list[tuple[BenchmarkSession, Plans, Turn] | BenchmarkError] = []
        for variables in sides:
            try:
                session = stack.enter_context(benchmarks.session(benchmark, variables))
                opened.append((session, session.plans(), _warm(session, benchmark)))
            except BenchmarkError as error:
                opened.append(error)
        before, after = opened
        if isinstance(before, BenchmarkError) or isinstance(after, BenchmarkError):
            return _failed(benchmark, before, after)
        what, empty = _without_rows(before[0].scanned())
        if empty:
            return unknown(benchmark, what)
        plans = tuple(
            PlanChange(text, was, now)
            for (text, was), (_, now) in zip(before[1], after[1], strict=False)
            if was != now and was and now
        )
        try:
            pairs = _pairs(benchmark, (before[0], after[0]), (before[2], after[2]))
        except BenchmarkError as error:
            return unknown(benchmark, f"it failed in a later turn: {error.what}")
        return replace(verdict_of(benchmark, compare(pairs), plans), what=what)


def _without_rows(scanned: Mapping[str, bool]) -> tuple[str, bool]:
    """The tables without rows as text, and whether all tables that a run scans are such tables."""
    empty = [name for name, has_rows in scanned.items() if not has_rows]
    if not empty:
        return "", False
    what = f"no rows in {', '.join(empty)}: add {'them' if len(empty) > 1 else 'it'} to `rows`, or write a seed file"
    return what, len(empty) == len(scanned)


def _warm(session: BenchmarkSession, benchmark: Benchmark) -> Turn:
    """The last turn before the first measured turn. The first turn reads the catalog and fills caches."""
    turn = session.turn(1)
    return turn if benchmark.pgbench or turn.seconds > LONG_WARM_UP else session.turn(1)


def _pairs(
    benchmark: Benchmark, sessions: tuple[BenchmarkSession, BenchmarkSession], warm: tuple[Turn, Turn]
) -> tuple[tuple[Turn, Turn], ...]:
    """Pairs of turns. Each pair begins with the other side, so that neither side always runs first."""
    shorter, longer = sorted(max(turn.millis, 1e-3) for turn in warm)
    times = max(1, min(MOST_TIMES, math.ceil(TURN_MILLIS / shorter), int(MOST_TURN_MILLIS / longer)))
    fewest, most = (PGBENCH_PAIRS, PGBENCH_PAIRS) if benchmark.pgbench else (FEWEST_PAIRS, MOST_PAIRS)
    found: list[tuple[Turn, Turn]] = []
    spent = 0.0
    while len(found) < (LONG_PAIRS if spent > LONG_SECONDS else fewest) or (
        spent < ROUND_SECONDS and len(found) < most
    ):
        turns: dict[int, Turn] = {}
        for side in (0, 1) if len(found) % 2 == 0 else (1, 0):
            turns[side] = sessions[side].turn(times)
        found.append((turns[0], turns[1]))
        spent += turns[0].seconds + turns[1].seconds
    return tuple(found)


def _failed(benchmark: Benchmark, before: object, after: object) -> BenchmarkResult:
    """The result of a benchmark that fails in one of the databases, or in both."""
    was = before if isinstance(before, BenchmarkError) else None
    now = after if isinstance(after, BenchmarkError) else None
    for error in (was, now):
        if error and error.unknown:
            return unknown(benchmark, error.what)
    if was and now:
        return unknown(benchmark, f"it fails before and after the migrations: {was.what}")
    if now:
        verdict = BenchmarkVerdict.SLOWER if now.timed_out else BenchmarkVerdict.BROKEN
        return _result(benchmark, verdict, f"it fails after the migrations: {now.what}")
    if was and was.timed_out:
        return _result(benchmark, BenchmarkVerdict.FASTER, f"only before the migrations: {was.what}")
    return _result(benchmark, BenchmarkVerdict.NEW, f"it fails before the migrations: {was.what if was else ''}")


def unknown(benchmark: Benchmark, what: str) -> BenchmarkResult:
    """The result of a benchmark that could not be compared."""
    return _result(benchmark, BenchmarkVerdict.UNKNOWN, what)


def _result(benchmark: Benchmark, verdict: BenchmarkVerdict, what: str) -> BenchmarkResult:
    return BenchmarkResult(benchmark.name, verdict, what, required=benchmark.required)
