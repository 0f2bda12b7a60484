"""A seed file that does more than add rows has effects that its trial does not measure: the plan says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.plan.plan import make_plan
from ctgitops.core.trial.seed_trial import SeedTrial, seed_problems
from ctgitops.core.view.preview import Preview
from ctgitops.core.view.verdict import PlanState, verdict_of
from tests.fakes import STAGING, chained, entry, migration, seed, workspace

ONE = migration("001_one", "1.0.0")


def found(sql: str) -> list[str]:
    one = seed("a.sql", sql)
    plan = make_plan(workspace(ONE, seeds=(one,)), STAGING, chained(entry(ONE)))
    return [f"{p.code} {p.place}" for p in seed_problems(plan, (SeedTrial(one),), None)]


@pytest.mark.parametrize("sql", ["insert into t1 values (1);", "set local x.y = '1'; select setval('s', 9);"])
def test_added_rows_need_no_measure(sql: str) -> None:
    assert found(sql) == []


@pytest.mark.parametrize(
    "sql", ["update t1 set a = 1;", "alter table t1 add b int;", "select f();", "do $$ begin end $$;"]
)
def test_everything_else_was_not_measured(sql: str) -> None:
    (problem,) = found(f"insert into t1 values (1);\n{sql}")
    assert problem.startswith("seed-not-measured ")
    assert ":2" in problem


def test_such_a_plan_is_unknown_and_not_sound() -> None:
    one = seed("a.sql", "update t1 set a = 1;")
    plan = make_plan(workspace(ONE, seeds=(one,)), STAGING, chained(entry(ONE)))
    told = replace(plan, problems=tuple(seed_problems(plan, (SeedTrial(one),), None)))
    assert verdict_of(Preview(STAGING, told)).state is PlanState.UNKNOWN
