"""A migration of data has a size: rows, WAL, the time until the commit, and a problem where that is too long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.environment.environment import Timeouts
from ctgitops.core.impact.impact import Held, StatementImpact, StepImpact
from ctgitops.core.impact.impact_problems import impact_problems
from ctgitops.core.impact.projection import Bucket, Effect, Measured, effect_of, span_of
from ctgitops.core.impact.query import Node
from ctgitops.core.impact.size import Rates, Size
from ctgitops.core.plan.plan import Step
from ctgitops.report.impact import NO_BLOCKING, glance, impact_lines, longest
from ctgitops.sql.locks import LockMode
from tests.postgres.traced import step_of

RATES = Rates(scanned=17e6, checked=10e6, indexed=0.4e6, rewritten=1.2e6, pages=18_000)
SCAN = Node("Seq Scan", "public.big", 2200)
UPDATE = Node("ModifyTable", "public.big", operation="Update", children=(SCAN,))
CHANGES = StatementImpact(3, queries=(UPDATE,))
SMALL = Held("public.small", LockMode.ACCESS_EXCLUSIVE)
ALTER = StatementImpact(1, taken=(SMALL,), held=(SMALL,))
SIZES = {"public.big": Size(2e6, 20_000), "public.small": Size(1, 1)}
STEP = step_of("alter table small add k int;\n\nupdate big set flag = true;")


def effect(*statements: StatementImpact, measured: Measured | None = None, times: float = 1) -> Effect:
    sizes = SIZES | {"public.big": Size(2e6 * times, round(20_000 * times))}
    return effect_of(StepImpact(statements), sizes, RATES, measured)


def problems(found: Effect, statement: float = 900, step: Step = STEP) -> list[tuple[str, bool, int | None]]:
    timeouts = replace(Timeouts(), statement=timedelta(seconds=statement))
    return [(p.code, p.fails, p.place.line if p.place else None) for p in impact_problems([step], {1: found}, timeouts)]


def test_rows_wal_and_time_are_told_and_who_waits() -> None:
    found = effect(CHANGES)
    (line,) = impact_lines(found)
    assert line == (
        "updates up to 2 M rows of big on line 3: other changes to these rows wait until the commit "
        "(under a minute, 448 MB of WAL)"
    )
    assert glance(found) == line
    assert longest(found) == Bucket.UNDER_A_MINUTE


def test_a_change_of_few_rows_has_no_line() -> None:
    key = Node("Index Scan", "public.big", 1, condition="(big.id = 5)")
    assert impact_lines(effect(replace(CHANGES, queries=(replace(UPDATE, children=(key,)),)))) == (NO_BLOCKING,)


def test_rows_stay_locked_while_later_statements_work() -> None:
    insert = Node("ModifyTable", "public.small", operation="Insert", children=(Node("Result", rows=1),))
    first = StatementImpact(1, queries=(replace(insert, operation="Update"),))
    found = effect(first, CHANGES)
    assert [each.bucket for each in found.changes] == [Bucket.UNDER_A_MINUTE] * 2


def test_what_depends_on_rows_is_not_called_harmless() -> None:
    (line,) = impact_lines(effect(StatementImpact(2, unmeasured=("public.big",))))
    said = "what else the statement does depends on the rows that it finds (time not known)"
    assert line == f"reads big on line 2; {said}"


@given(st.floats(0, 1e5))
def test_a_span_has_at_most_two_neighbouring_buckets_and_contains_the_estimate(seconds: float) -> None:
    most, least = span_of(seconds)
    assert most is not None
    assert least is None or least == most - 1


def test_what_the_environment_before_measured_counts_first() -> None:
    slow = Measured("staging", 33_000, 2e5)
    assert effect(CHANGES, measured=slow).changes[0].bucket is Bucket.MINUTES
    assert effect(CHANGES, measured=replace(slow, millis=150)).changes[0].bucket is Bucket.SECONDS
    assert effect(StatementImpact(3, unmeasured=("public.big",)), measured=slow).changes[0].bucket is Bucket.MINUTES
    assert effect(CHANGES, measured=replace(slow, millis=3)).changes[0].bucket is Bucket.UNDER_A_MINUTE


@pytest.mark.parametrize(
    ("statement", "expected"),
    [(900, []), (30, [("statement-timeout", False, 3)]), (5, [("statement-timeout", True, 3)]), (0, [])],
)
def test_an_estimate_above_the_statement_timeout_is_a_problem(
    statement: float, expected: list[tuple[str, bool, int]]
) -> None:
    assert problems(effect(CHANGES), statement) == expected


def test_a_timeout_is_predicted_from_what_the_environment_before_measured() -> None:
    slow = effect(CHANGES, measured=Measured("staging", 100_000, 2e5))
    assert problems(slow) == [("statement-timeout", True, 3)]
    (problem,) = impact_problems([STEP], {1: slow}, Timeouts())
    assert problem.what.startswith(
        "takes about 17 minutes, according to the time in the previous environment; `timeouts.st"
    )


def test_long_work_under_the_lock_of_another_table_is_found() -> None:
    assert problems(effect(ALTER, CHANGES)) == [("work-under-lock", False, 3)]
    assert problems(effect(ALTER, CHANGES, times=0.001)) == []
    assert problems(effect(ALTER)) == []
    assert problems(effect(ALTER, StatementImpact(3, unmeasured=("public.big",)))) == [("work-under-lock", False, 3)]


def test_a_trigger_for_many_rows_takes_a_time_that_is_not_known() -> None:
    step = StepImpact((CHANGES,))
    for fires, bucket in (("Update", None), ("Delete", Bucket.UNDER_A_MINUTE)):
        sizes = {"public.big": replace(SIZES["public.big"], fires=frozenset({fires}))}
        (change,) = effect_of(step, sizes, RATES).changes
        assert (change.bucket, change.change.rows) == (bucket, 2e6)


def test_a_deletion_reads_every_table_that_refers_to_it_without_an_index() -> None:
    deletes = StepImpact((replace(CHANGES, queries=(replace(UPDATE, operation="Delete"),)),))
    sizes = (Size(1e4, 100), Size(1e4, 100, referenced=1), Size(1e4, 100, unindexed=1e6))
    times = [effect_of(deletes, {"public.big": size}, RATES).times[0] or 0.0 for size in sizes]
    assert times[0] < times[1] < times[2]
    assert times[2] > 1000


def test_batches_lock_their_rows_only_for_one_of_them() -> None:
    (change,) = effect(replace(CHANGES, batch=5000)).changes
    assert (change.change.rows, change.bucket) == (2e6, Bucket.INSTANT)
    assert problems(effect(replace(CHANGES, batch=5000)), statement=5) == []
    (line,) = impact_lines(effect(replace(CHANGES, batch=5000)))
    assert "of big on line 3, 5,000 in each transaction: other changes" in line


def test_an_unknown_duration_makes_the_effect_unknown() -> None:
    assert effect(StatementImpact(2, unmeasured=("public.big",))).unknown
    assert effect(ALTER, replace(CHANGES, unmeasured=("public.big",))).unknown
    assert not effect(ALTER, CHANGES).unknown


def test_a_change_of_a_parent_counts_the_rows_of_its_children_and_fires_their_triggers() -> None:
    children = (Node("Seq Scan", "public.top"), Node("Seq Scan", "public.big"))
    update = Node(
        "ModifyTable",
        "public.top",
        operation="Update",
        targets=("public.top", "public.big"),
        children=(Node("Append", children=children),),
    )
    changes = StatementImpact(1, queries=(update,))
    sizes = SIZES | {"public.top": Size(0)}
    (line,) = impact_lines(effect_of(StepImpact((changes,)), sizes, RATES, None))
    assert line.startswith("updates up to 2 M rows of top on line 1")
    sizes |= {"public.big": replace(SIZES["public.big"], fires=frozenset({"Update"}))}
    assert effect_of(StepImpact((changes,)), sizes, RATES, None).unknown
