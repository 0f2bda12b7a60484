"""Properties of projected durations: more rows never take less time, and an unknown duration is not guessed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.impact.impact import Held, RelationWork, StatementImpact, StepImpact, Work
from ctgitops.core.impact.projection import (
    Bucket,
    Measured,
    bucket_of,
    effect_of,
    in_proportion,
    measured_in,
    tables_of,
)
from ctgitops.core.impact.size import Rates, Size
from ctgitops.core.impact.statement_time import seconds
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.sql.locks import LockMode
from tests.fakes import STAGING, chained, entry, migration, workspace

RATES = Rates(scanned=17e6, checked=10e6, indexed=0.4e6, rewritten=1.2e6, pages=18_000)
T = Held("public.t", LockMode.ACCESS_EXCLUSIVE)
SIZES = st.builds(Size, st.floats(0, 1e10), st.integers(0, 10**8), st.integers(0, 10**8))
WORKS = st.lists(st.sampled_from(Work), max_size=3)


def impact(*works: Work, relation: str = "public.t", fresh: bool = False) -> StepImpact:
    worked = tuple(RelationWork(work, relation, fresh=fresh) for work in works)
    return StepImpact((StatementImpact(1, taken=(T,), held=(T,), worked=worked),))


def bucket(step: StepImpact, sizes: dict[str, Size], measured: Measured | None = None) -> Bucket | None:
    (wait,) = effect_of(step, sizes, RATES, measured).waits
    return wait.bucket


@given(st.sampled_from(Work), SIZES, st.floats(1, 1000))
def test_a_larger_table_never_takes_less(work: Work, size: Size, times: float) -> None:
    larger = Size(size.rows * times, round(size.pages * times), round(size.index_pages * times))
    assert seconds(work, size, RATES) <= seconds(work, larger, RATES) * 1.01


@given(WORKS, SIZES, st.floats(1, 1000))
def test_a_bucket_only_grows_with_rows(works: list[Work], size: Size, times: float) -> None:
    small = bucket(impact(*works), {"public.t": size})
    large = bucket(impact(*works), {"public.t": replace(size, rows=size.rows * times)})
    assert small is not None
    assert large is not None
    assert small <= large


@given(st.integers(0, 10**8), st.floats(1, 1e9), st.floats(0, 1e9), st.floats(0, 1e9))
def test_what_was_measured_elsewhere_only_grows_with_rows(millis: int, there: float, one: float, other: float) -> None:
    fewer, more = sorted((one, other))
    measured = Measured("staging", millis, there)
    assert in_proportion(measured, fewer) <= in_proportion(measured, more)
    assert in_proportion(measured, there) == millis / 1000


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_buckets_are_in_order(one: float, other: float) -> None:
    assert bucket_of(min(one, other)) <= bucket_of(max(one, other))


def test_the_words_are_those_of_the_manual() -> None:
    assert [str(each) for each in Bucket] == ["instant", "seconds", "under a minute", "minutes", "hours"]
    assert [bucket_of(each) for each in (0.5, 5, 50, 500, 5000)] == list(Bucket)


def test_a_lock_without_work_is_held_for_an_instant_however_large_the_table() -> None:
    assert bucket(impact(), {"public.t": Size(1e9, 10**8)}) is Bucket.INSTANT
    assert bucket(impact(), {}) is Bucket.INSTANT


def test_nobody_knows_what_work_takes_on_a_table_of_unknown_size() -> None:
    assert bucket(impact(Work.SCAN), {}) is None
    (wait,) = effect_of(impact(Work.SCAN), {"public.t": Size(1e9)}, None).waits
    assert wait.bucket is None


def test_work_on_what_the_plan_made_itself_makes_nobody_wait() -> None:
    assert bucket(impact(Work.REWRITE, fresh=True), {}) is Bucket.INSTANT


def test_ten_million_rows_are_rewritten_in_under_a_minute_and_a_billion_in_hours() -> None:
    rows = {rows: bucket(impact(Work.REWRITE), {"public.t": Size(rows, round(rows / 100))}) for rows in (1e5, 1e7, 1e9)}
    assert rows == {1e5: Bucket.INSTANT, 1e7: Bucket.UNDER_A_MINUTE, 1e9: Bucket.MINUTES}


def test_what_staging_took_counts_where_it_is_more() -> None:
    sizes = {"public.t": Size(9.8e6, 100_000)}
    slow = Measured("staging", 41_000, 1.2e6)
    assert bucket(impact(Work.SCAN), sizes) is Bucket.UNDER_A_MINUTE
    assert bucket(impact(Work.SCAN), sizes, slow) is Bucket.MINUTES
    assert bucket(impact(Work.SCAN), sizes, replace(slow, millis=1)) is Bucket.UNDER_A_MINUTE


def test_the_work_of_a_later_statement_prolongs_the_wait_for_an_earlier_lock() -> None:
    other = StatementImpact(2, worked=(RelationWork(Work.REWRITE, "public.u"),))
    step = StepImpact((StatementImpact(1, taken=(T,)), other))
    sizes = {"public.u": Size(1e9, 10**7)}
    assert tables_of([step]) == ("public.t", "public.u")
    assert bucket(step, sizes) is Bucket.MINUTES
    assert bucket(replace(step, transactional=False), sizes) is Bucket.INSTANT


def test_only_the_same_file_counts_that_ran_on_rows_that_are_known() -> None:
    one = migration("001_one", "1.0.0")
    (step,) = make_plan(workspace(one), STAGING, Ledger()).steps
    ledger = chained(replace(entry(one), millis=41_000))
    sizes = {"public.t": Size(1.2e6)}
    scan = impact(Work.SCAN)
    assert measured_in("staging", step, ledger, scan, sizes) == Measured("staging", 41_000, 1.2e6)
    assert measured_in("staging", replace(step, checksum="sha256:other"), ledger, scan, sizes) is None
    assert measured_in("staging", step, Ledger(), scan, sizes) is None
    assert measured_in("staging", step, ledger, scan, {}) is None
    assert measured_in("staging", step, ledger, impact(), sizes) is None


@pytest.mark.parametrize(
    ("work", "rate"), [(Work.SCAN, "scanned"), (Work.FOREIGN_KEY, "checked"), (Work.INDEX, "indexed")]
)
def test_the_slower_of_rows_and_pages_decides(work: Work, rate: str) -> None:
    rates = replace(RATES, **{rate: 10.0, "pages": 1.0})
    assert seconds(work, Size(100, 2, 0), rates) == 10
    assert seconds(work, Size(10, 20, 0), rates) == 20


def test_a_measurement_of_elsewhere_is_left_out_where_the_rows_are_not_known() -> None:
    there = Measured("staging", 5000, 100)
    (wait,) = effect_of(impact(Work.SCAN), {}, None, there).waits
    assert (wait.measured, wait.rows) == (None, None)


@pytest.mark.parametrize(
    ("seconds_taken", "shown"),
    [
        (0.9, Bucket.INSTANT),
        (1.0, Bucket.SECONDS),
        (9.9, Bucket.SECONDS),
        (10.0, Bucket.UNDER_A_MINUTE),
        (59.9, Bucket.UNDER_A_MINUTE),
        (60.0, Bucket.MINUTES),
        (3599.0, Bucket.MINUTES),
        (3600.0, Bucket.HOURS),
    ],
)
def test_a_duration_is_shown_by_its_order_of_magnitude(seconds_taken: float, shown: Bucket) -> None:
    assert bucket_of(seconds_taken) is shown
