"""Tables, indexes and the database as a whole: what a run did to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.performance.assessment import assess
from ctgitops.core.performance.moments import Moments
from ctgitops.core.performance.report import LoadReport, LoadState
from ctgitops.core.performance.sample import Blind, DatabaseFigures, IndexFigures, Sample, TableFigures
from tests.core.performance.samples import AT, ORDERS, moments, sample, table


def at_the_end(tables: dict[str, TableFigures], *, altered: bool = False) -> Moments:
    """A run at whose end the tables have these counters."""
    run = moments()
    if altered:
        was = {ORDERS: replace((run.after.tables or {})[ORDERS], definition="b")}
        run = replace(run, after=replace(run.after, tables=was))
    return replace(run, end=replace(run.end, tables=tables))


def found(run: Moments) -> list[tuple[str, str]]:
    return [(each.kind, each.level.value) for each in assess(run).findings]


def scanned(scans: int, rows: int = 100_000, definition: str = "a") -> dict[str, TableFigures]:
    return {ORDERS: table(index_scans=112_000, seq_scans=scans, seq_rows=scans * rows, definition=definition)}


def test_new_scans_of_a_large_table_are_a_regression() -> None:
    assert found(at_the_end(scanned(600))) == [("sequential-scans", "regression")]
    assert found(at_the_end(scanned(30, definition="b"), altered=True)) == [("sequential-scans", "regression")]


def test_the_share_of_a_parallel_worker_is_a_scan_too() -> None:
    assert found(at_the_end(scanned(1800, rows=33_000))) == [("sequential-scans", "regression")]


def test_a_report_that_someone_runs_is_only_a_notice() -> None:
    assert found(at_the_end(scanned(30))) == [("sequential-scans", "notice")]


@given(st.integers(0, 19), st.integers(0, 10**6))
def test_a_few_scans_are_nothing(scans: int, rows: int) -> None:
    assert found(at_the_end(scanned(scans, rows, "b"), altered=True)) == []


@given(st.integers(0, 10_000))
def test_scans_that_stop_after_a_few_rows_are_nothing(scans: int) -> None:
    assert found(at_the_end(scanned(scans, rows=10))) == []


@given(st.integers(1, 5000))
def test_scans_that_were_usual_before_are_nothing(rate: int) -> None:
    """Just before the run there were as many a second."""
    scans = {at: rate * (AT[at] + 100) for at in AT}
    each = {
        at: sample(at, tables={ORDERS: table(seq_scans=count, seq_rows=count * 100_000)}) for at, count in scans.items()
    }
    assert found(moments(**each)) == []


def test_a_hot_table_that_was_rewritten() -> None:
    run = moments()
    rewritten = {ORDERS: table(file=2, index_scans=52_000)}
    hot = replace(
        run,
        after=replace(run.after, tables=rewritten),
        end=replace(run.end, tables={ORDERS: table(file=2, index_scans=112_000)}),
    )
    assert found(hot) == [("rewritten-table", "regression")]
    idle = {at: sample(at, tables={ORDERS: table(file=1 if at in {"first", "before"} else 2)}) for at in AT}
    assert found(moments(**idle)) == [("rewritten-table", "notice")]


def test_a_new_index_without_a_scan_is_told() -> None:
    run = moments()
    new = IndexFigures(ORDERS, 0)
    for index, expected in (
        (new, [("unused-index", "notice")]),
        (replace(new, scans=3), []),
        (replace(new, constrains=True), []),
    ):
        end = replace(run.end, indexes={**(run.end.indexes or {}), "public.orders_at": index})
        assert found(replace(run, end=end)) == expected


def test_each_part_that_could_not_be_seen_is_named_once() -> None:
    run = moments()
    plans = [Blind("the plans of statements", f"{number} of 30", matters=False) for number in (3, 4)]
    hidden = [Blind("the statements", why) for why in ("hidden", "not loaded")]
    unseen = replace(
        run,
        before=replace(run.before, blind=(plans[0], hidden[0])),
        end=replace(run.end, blind=(plans[1], hidden[1], hidden[0])),
    )
    said = [(each.what, each.why) for each in assess(unseen).blind]
    assert ("the plans of statements", "4 of 30") in said
    assert ("the plans of statements", "3 of 30") not in said
    assert [why for what, why in said if what == "the statements"] == ["hidden", "not loaded"]


def with_database(commits: int, rollbacks: int, **more: Any) -> Moments:
    run = moments()
    figures = replace(run.end.database or DatabaseFigures(), commits=commits, rollbacks=rollbacks, **more)
    return replace(run, end=replace(run.end, database=figures))


def test_transactions_that_fail_since_the_run() -> None:
    assert found(with_database(8000, 3000)) == [("failing-transactions", "regression")]
    assert found(with_database(8000, 19)) == []


@given(st.integers(1, 50))
def test_transactions_that_always_failed_are_nothing(share: int) -> None:
    each: dict[str, Sample] = {}
    for at, second in AT.items():
        count = 100 * (second + 100)
        each[at] = sample(at, database=DatabaseFigures(count, count * share // 100, 100_000 * (second + 100)))
    assert found(moments(**each)) == []


def test_lag_waits_growth_and_the_cache() -> None:
    run = moments()
    assert found(replace(run, end=replace(run.end, lag=40.0))) == [("replica-lag", "regression")]
    assert found(replace(run, end=replace(run.end, waiting=7))) == [("lock-waits", "notice")]
    assert found(with_database(11_200, 0, bytes=2 * 10**9)) == [("growth", "notice")]
    assert found(with_database(11_200, 0, reads=5_000_000)) == [("cache-misses", "notice")]


def test_what_could_not_be_read_is_unknown() -> None:
    run = moments()
    unread = replace(run, before=replace(run.before, tables=None), end=replace(run.end, tables=None, database=None))
    assert found(unread) == []
    short = replace(run, end=replace(run.end, at=run.after.at))
    assert assess(short).state is LoadState.UNKNOWN


@given(st.booleans(), st.booleans())
def test_a_report_is_read_as_it_was_stored(hot: bool, slow: bool) -> None:
    run = at_the_end(scanned(600)) if hot else moments()
    report = assess(run if not slow else replace(run, end=replace(run.end, lag=40.0)), ("001_one",))
    assert LoadReport.from_data(report.to_data()) == report
