"""Statements that became slower, more frequent, or waited: found, and no false alarm."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.performance.assessment import assess
from ctgitops.core.performance.interval import Calls, deviation
from ctgitops.core.performance.report import LoadLevel, LoadState
from ctgitops.core.performance.sample import StatementFigures
from tests.core.performance.samples import ORDERS, TEXT, moments, more, run_of, sample, statement, table

BEFORE = statement(10_000, 0.5)
calls = st.integers(20, 5000)
means = st.floats(0.05, 50)


def kinds(found: object) -> list[str]:
    return [each.kind for each in found.regressions]  # type: ignore[attr-defined]


def test_a_statement_that_reads_far_more_blocks_is_slower() -> None:
    report = assess(run_of(BEFORE, statement(200, 0.5), statement(600, 20, blocks=4000)))
    assert kinds(report) == ["slower-statement"]
    (finding,) = report.regressions
    assert finding.statement == TEXT
    assert (finding.calls, finding.before, finding.after) == (600, 0.5, 20)
    assert "each call reads 4,000 blocks instead of 4" in finding.what
    assert report.state is LoadState.REGRESSION


def test_a_statement_that_only_takes_longer_must_take_three_times_as_long() -> None:
    assert kinds(assess(run_of(BEFORE, statement(200, 0.5), statement(600, 3)))) == ["slower-statement"]
    assert kinds(assess(run_of(statement(10_000, 5), statement(200, 5), statement(600, 14)))) == []


@given(calls, means, calls, means, st.integers(0, 5000))
def test_no_alarm_if_nothing_changed(old: int, mean: float, new: int, other: float, blocks: int) -> None:
    same = [statement(count, mean, blocks) for count in (old, new, new)]
    assert kinds(assess(run_of(same[0], same[1], same[2]))) == []
    faster = statement(new, min(mean, other), blocks)
    assert kinds(assess(run_of(same[0], same[1], faster))) == []


@given(st.integers(0, 19), st.floats(1, 10_000), st.integers(0, 10**6))
def test_no_alarm_from_a_handful_of_calls(few: int, mean: float, blocks: int) -> None:
    """Neither a handful after the run nor a handful before it."""
    assert kinds(assess(run_of(BEFORE, statement(200, 0.5), statement(few, mean, blocks)))) == []
    rare = statement(few, 0.5)
    assert kinds(assess(run_of(rare, StatementFigures(0, 0), statement(500, mean, blocks)))) == []


@given(st.floats(1, 30), calls)
def test_no_alarm_if_the_whole_machine_is_slower(factor: float, count: int) -> None:
    """Every statement, with as many blocks per call as before."""
    names = "abcde"
    before = {name: statement(1000, 1.0 + i) for i, name in enumerate(names)}
    later = {name: more(before[name], 100, 1.0 + i) for i, name in enumerate(names)}
    end = {name: more(later[name], count, (1.0 + i) * factor) for i, name in enumerate(names)}
    found = assess(
        moments(
            first=sample("first", before),
            before=sample("before", later),
            after=sample("after", later),
            end=sample("end", end),
        )
    )
    assert kinds(found) == []


@given(calls, means, st.floats(4, 100), st.integers(100, 10_000))
def test_a_plan_that_flipped_is_found_whatever_the_numbers(count: int, mean: float, factor: float, blocks: int) -> None:
    found = assess(run_of(statement(1000, mean), statement(100, mean), statement(count, mean * factor + 1, blocks)))
    assert kinds(found) == ["slower-statement"]


@given(st.floats(1, 100))
def test_one_that_was_as_slow_just_before_is_no_regression(mean: float) -> None:
    """It has been slow for weeks, or is slow at this hour: the run did not do it."""
    assert kinds(assess(run_of(BEFORE, statement(200, mean, 4000), statement(600, mean, 4000)))) == []
    assert kinds(assess(run_of(statement(10_000, mean, 4000), statement(200, 0.5), statement(600, mean, 4000)))) == []


def test_statements_that_were_reset_are_unknown_and_never_good() -> None:
    slow = run_of(BEFORE, statement(200, 0.5), statement(600, 20, 4000))
    reset = replace(slow, end=replace(slow.end, resets={**slow.end.resets, "statements": "tuesday"}))
    fewer = replace(slow, end=replace(slow.end, statements={"a": statement(3, 0.1), "b": statement(3, 0.1)}))
    for each in (reset, fewer):
        report = assess(each)
        assert report.state is LoadState.UNKNOWN
        assert "their statistics were reset while the run measured" in [blind.why for blind in report.blind]


def test_without_calls_there_is_nothing_to_compare() -> None:
    report = assess(run_of(BEFORE, StatementFigures(0, 0), StatementFigures(0, 0)))
    assert report.state is LoadState.UNCHANGED  # the other statement was called often enough
    alone = moments(**{at: sample(at, {"a": BEFORE}) for at in ("first", "before", "after", "end")})
    report = assess(alone)
    assert report.state is LoadState.UNKNOWN
    assert [each.why for each in report.blind] == ["no statement had 20 calls both before and after the migrations"]


def test_a_call_that_waited_for_a_rewrite_is_a_regression() -> None:
    run = run_of(BEFORE, statement(200, 0.5), statement(600, 0.5))
    waited = more((run.before.statements or {})["a"], 4, 2500, longest=3000)
    after = replace(run.after, statements={**(run.after.statements or {}), "a": waited})
    end = replace(run.end, statements={**(run.end.statements or {}), "a": more(waited, 600, 0.5)})
    delayed = replace(run, after=after, end=end)
    assert kinds(assess(delayed)) == []
    assert [each.kind for each in assess(delayed).findings] == ["delayed-statement"]
    rewritten = {ORDERS: table(file=2, index_scans=99_000)}
    changed = replace(delayed, after=replace(after, tables=rewritten), end=replace(end, tables=rewritten))
    assert kinds(assess(changed)) == ["delayed-statement", "rewritten-table"]
    assert "a call took 3.0 s while the migrations ran" in assess(changed).regressions[0].what


def test_a_statement_that_is_called_more_often_is_a_notice() -> None:
    report = assess(run_of(BEFORE, statement(30, 0.5), statement(5000, 0.5)))
    assert [(each.kind, each.level) for each in report.findings] == [("more-frequent-statement", LoadLevel.NOTICE)]


def test_passwords_and_long_texts_are_not_stored() -> None:
    text = "select dblink('postgres://u:hunter2secret@host/db', $1) " + "x" * 3000
    slow = run_of(statement(10_000, 0.5, text=text), statement(200, 0.5), statement(600, 20, blocks=4000))
    (finding,) = assess(slow).regressions
    assert "hunter2secret" not in finding.statement
    assert len(finding.statement) <= 300


@given(calls, means, calls, means)
def test_a_deviation_has_the_sign_of_the_difference(n: int, a: float, m: int, b: float) -> None:
    found = deviation(Calls(n, a, 1.0), Calls(m, b, 1.0))
    assert (found > 0) is (b > a)
    assert deviation(Calls(n, a), Calls(m, a)) == 0


@pytest.mark.parametrize("level", list(LoadLevel))
def test_a_plan_that_changed_explains_a_slower_statement(level: LoadLevel) -> None:
    slow = level is LoadLevel.REGRESSION
    run = run_of(BEFORE, statement(200, 0.5), statement(600, 20 if slow else 0.5, blocks=4000 if slow else 4))
    before = replace(run.before, plans={"a": "Index Scan on orders using orders_customer"})
    changed = replace(run, before=before, end=replace(run.end, plans={"a": "Seq Scan on orders"}))
    found = assess(changed).findings
    assert [each.kind for each in found] == ["slower-statement" if slow else "changed-plan"]
    assert (
        "its generic plan was Index Scan on orders using orders_customer, and is now Seq Scan on orders"
        in found[0].what
    )
