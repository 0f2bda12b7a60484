"""Which requirements of a plan can be checked against existing rows, and what the report says."""

from __future__ import annotations

from dataclasses import replace

from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import Plan, make_plan
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot, SnapshotSource
from ctgitops.core.trial.trial import Trial
from ctgitops.core.trial.violation import Risk, Violation, had_all_rows, risks_of, violation_problems
from ctgitops.errors import ApplyError
from tests.fakes import STAGING, migration, workspace


def plan_of(*sqls: str) -> Plan:
    migrations = [migration(f"{n:03}_m", f"1.0.{n}", sql=sql) for n, sql in enumerate(sqls, 1)]
    return make_plan(workspace(*migrations), STAGING, Ledger())


def risks(*sqls: str) -> list[tuple[str, str, str]]:
    """Step, why nobody can look, what may change the rows before."""
    return [(risk.step, risk.demand.unseen, risk.earlier) for risk in risks_of(plan_of(*sqls))]


def test_rows_that_are_there_can_be_asked_about_and_the_line_is_known() -> None:
    (risk,) = risks_of(plan_of("\n-- why\nalter table t alter a set not null;"))
    assert (risk.step, risk.demand.violating, risk.earlier) == ("001_m", '"a" is null', "")
    assert (risk.place.line or 0) > 3


def test_a_table_that_the_plan_makes_and_leaves_empty_is_no_risk() -> None:
    assert risks("create table t (a int)", "alter table public.t alter a set not null") == []


def test_a_table_that_the_plan_makes_and_fills_cannot_be_looked_at() -> None:
    why = "the plan itself creates that table, and {} may fill it"
    not_null = "alter table t alter a set not null"
    assert risks("create table t (a int); insert into t values (1)", not_null) == [("002_m", why.format("001_m"), "")]
    assert risks("create table t as select 1 a", not_null) == [("002_m", why.format("001_m"), "")]
    assert risks("create table t (a int)", "do $$ begin end $$", not_null) == [("003_m", why.format("002_m"), "")]


def test_what_ran_before_a_table_was_there_did_not_fill_it() -> None:
    assert risks("do $$ begin end $$; create table t (a int); alter table t alter a set not null") == []
    assert risks("select f()", "create table t (a int)", "alter table t alter a set not null") == []


def test_what_was_not_looked_at_of_one_table_is_one_problem() -> None:
    sql = "alter table t alter a set not null, alter b set not null; alter table u alter a set not null"
    found = risks_of(plan_of(sql))
    of_t, of_u = violation_problems([Violation(risk, None, why="it took too long") for risk in found])
    assert 'of "t"' in of_t.what
    assert " and 1 more; it took too long" in of_t.what
    assert len(of_t.detail.splitlines()) == 2
    assert 'of "u"' in of_u.what
    assert not of_u.detail


def test_rows_that_the_plan_writes_before_may_be_others_by_then() -> None:
    assert risks("update t set a = 0 where a is null; alter table t alter a set not null") == [("001_m", "", "001_m")]
    assert risks("alter table t alter a set not null; update t set a = 0") == [("001_m", "", "")]


def test_a_column_that_the_plan_adds_cannot_be_looked_at() -> None:
    sqls = ("alter table t add column a int", "alter table t alter a set not null")
    assert risks(*sqls) == [("002_m", "the plan itself adds that column", "")]


def test_a_constraint_is_asked_about_where_it_is_validated() -> None:
    add = "alter table t add constraint c check (a > 0) not valid"
    (risk,) = risks_of(plan_of(add, "alter table public.t validate constraint c"))
    assert (risk.step, risk.demand.violating) == ("002_m", "(a > 0) is false")
    assert risks(add) == []


def found(rows: int | None, risk: Risk, **more: object) -> list[tuple[str, bool, str]]:
    problems = violation_problems([Violation(risk, rows, **more)])  # type: ignore[arg-type]
    return [(problem.what, problem.blocks, problem.detail) for problem in problems]


def test_rows_that_violate_block_unless_the_plan_may_change_them() -> None:
    (risk,) = risks_of(plan_of("alter table t alter a set not null"))
    query = 'select * from "t" where "a" is null;'
    assert found(0, risk) == []
    assert found(1, risk) == [('1 row of "t" would make 001_m fail: "a" must not be NULL', True, query)]
    assert found(100_000, risk, at_least=True, keys=("3", "7")) == [
        (
            'at least 100,000 rows of "t" would make 001_m fail: "a" must not be NULL',
            True,
            f"primary keys of some of these rows: 3, 7\n{query}",
        )
    ]
    (soft,) = risks_of(plan_of("update t set a = 0; alter table t alter a set not null"))
    assert [blocks for _, blocks, _ in found(1, soft)] == [False]


def test_what_nobody_looked_at_is_said_and_does_not_block() -> None:
    (risk,) = risks_of(plan_of("alter table t alter a set not null"))
    assert found(None, risk, why="that took too long") == [
        (
            'it was not checked whether rows of "t" make 001_m fail: "a" must not be NULL; that took too long',
            False,
            "",
        )
    ]


def test_a_trial_on_a_database_without_tables_had_all_rows() -> None:
    plan = plan_of("create table t (a int); insert into t values (1)", "alter table t alter a set not null")
    about = SnapshotSource("17.5")
    done = Trial(server="17.5", tried=("001_m", "002_m"), before=Snapshot.of([SchemaObject("schema", "s")], about))
    assert had_all_rows(done, plan)
    filled = Snapshot.of([SchemaObject("table", "public.other")], about)
    for other in (
        None,
        replace(done, before=filled),
        replace(done, before=Snapshot()),
        replace(done, tried=("001_m",)),
        replace(done, ran_on="an empty database"),
        replace(done, failed=ApplyError("no")),
    ):
        assert not had_all_rows(other, plan)
