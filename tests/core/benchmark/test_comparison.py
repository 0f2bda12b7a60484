"""The comparison of two databases that take turns."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.benchmark.benchmark import Benchmark
from ctgitops.core.benchmark.comparison import CONFIDENCE, Turn, TurnComparison, compare
from ctgitops.core.benchmark.outcome import BenchmarkResult, BenchmarkVerdict, reproduced, verdict_of
from ctgitops.core.benchmark.plan_tree import PlanChange

TIMES = st.floats(0.01, 1e4)
PAIRS = st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=41)
BENCHMARK = Benchmark("b", "select 1", "b.sql")
OTHER_PLAN = PlanChange("s", ("Index Scan on t using i",), ("Seq Scan on t",))
OTHER_INDEX = PlanChange("s", ("Index Scan on t using i",), ("Index Scan on t using j",))


def compared(*ratios: float, blocks: tuple[float, float] = (10, 10)) -> TurnComparison:
    return compare(tuple((Turn(10, blocks[0]), Turn(10 * ratio, blocks[1])) for ratio in ratios))


@given(PAIRS)
def test_the_interval_contains_the_median_and_does_not_depend_on_the_order(pairs: list[tuple[float, float]]) -> None:
    turns = tuple((Turn(was), Turn(now)) for was, now in pairs)
    found = compare(turns)
    assert found.low <= found.ratio <= found.high
    assert compare(turns[::-1]) == found
    assert found.blocks_before is None
    assert not found.reads_more


@given(PAIRS, TIMES)
def test_a_slower_machine_changes_no_ratio(pairs: list[tuple[float, float]], speed: float) -> None:
    found = compare(tuple((Turn(was), Turn(now)) for was, now in pairs))
    slow = compare(tuple((Turn(was * speed), Turn(now * speed)) for was, now in pairs))
    assert (slow.low, slow.ratio, slow.high) == pytest.approx((found.low, found.ratio, found.high))


@pytest.mark.parametrize("count", range(8, 60))
def test_the_interval_has_its_confidence_and_is_not_wider_than_necessary(count: int) -> None:
    """The ratios are 0, 1, 2, …, so the ends of the interval are the numbers of the left out values."""
    found = compare(tuple((Turn(1), Turn(value)) for value in range(count)))
    outside = [2 * sum(comb(count, below) for below in range(cut + 1)) / 2**count for cut in range(count // 2)]
    cut = round(found.low)
    assert outside[cut] <= 1 - CONFIDENCE < outside[cut + 1]
    assert found.high == count - 1 - cut


@pytest.mark.parametrize(
    ("found", "plans", "verdict"),
    [
        (compared(*[1.5] * 9), (), BenchmarkVerdict.SLOWER),
        (compared(*[1.2] * 9), (), BenchmarkVerdict.UNCHANGED),
        (compared(1.0, *[3.0] * 8), (), BenchmarkVerdict.UNCHANGED),  # the spread is too large
        (compared(*[1.2] * 9), (OTHER_PLAN,), BenchmarkVerdict.SLOWER),
        (compared(*[1.2] * 9), (OTHER_INDEX,), BenchmarkVerdict.CHANGED_PLAN),
        (compared(*[1.2] * 9, blocks=(10, 26)), (), BenchmarkVerdict.SLOWER),
        (compared(*[1.2] * 9, blocks=(10, 25)), (), BenchmarkVerdict.UNCHANGED),
        (compared(*[1.0] * 9, blocks=(10, 26)), (OTHER_PLAN,), BenchmarkVerdict.READS_MORE),
        (compared(*[1.0] * 9, blocks=(32, 96)), (), BenchmarkVerdict.READS_MORE),
        (compared(*[1.0] * 9, blocks=(32, 95)), (), BenchmarkVerdict.UNCHANGED),
        (compared(*[0.9] * 9, blocks=(10, 26)), (OTHER_PLAN,), BenchmarkVerdict.CHANGED_PLAN),
        (compared(*[0.5] * 9), (OTHER_PLAN,), BenchmarkVerdict.FASTER),
        (compare(((Turn(0.001), Turn(0.01)),) * 9), (), BenchmarkVerdict.UNCHANGED),  # less than a round trip
    ],
)
def test_a_verdict_needs_a_factor_a_narrow_interval_or_other_evidence(
    found: TurnComparison, plans: tuple[PlanChange, ...], verdict: BenchmarkVerdict
) -> None:
    assert verdict_of(BENCHMARK, found, plans).verdict is verdict


def test_only_what_both_rounds_show_is_reported() -> None:
    worse = verdict_of(BENCHMARK, compared(*[2.0] * 9), (OTHER_PLAN,))
    same = verdict_of(BENCHMARK, compared(*[1.0] * 9))
    assert reproduced(worse, same) == same
    assert reproduced(worse, worse) == worse
    other = verdict_of(BENCHMARK, compared(*[1.0] * 9), (OTHER_PLAN,))
    assert reproduced(other, worse).verdict is BenchmarkVerdict.CHANGED_PLAN
    assert reproduced(worse, verdict_of(BENCHMARK, compared(*[2.0] * 9), (OTHER_INDEX,))).plans == ()


def test_only_a_required_benchmark_is_an_error() -> None:
    for verdict in BenchmarkVerdict:
        bad = verdict in {
            BenchmarkVerdict.SLOWER,
            BenchmarkVerdict.READS_MORE,
            BenchmarkVerdict.BROKEN,
            BenchmarkVerdict.UNKNOWN,
        }
        assert BenchmarkResult("b", verdict, required=True).fails is bad
        assert not BenchmarkResult("b", verdict).fails
