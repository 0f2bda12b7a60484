"""Incompatible changes that the schema of the trial shows."""

from __future__ import annotations

import pytest

from ctgitops.commands.applying.prediction import PredictedChanges, with_breaks
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.schema.compare import Added, Altered, Change, Removed
from ctgitops.core.schema.snapshot import SchemaObject
from ctgitops.core.trial.schema_break import break_problems, schema_breaks
from tests.fakes import STAGING, chained, entry, migration, workspace

ONE = migration("001_one", "1.0.0")


def thing(kind: str, name: str, of: str = "", **attributes: str) -> SchemaObject:
    return SchemaObject(kind, name, of, attributes)


def altered(kind: str, name: str, before: dict[str, str], after: dict[str, str]) -> Altered:
    return Altered(thing(kind, name, **before), thing(kind, name, **after))


ORDERS, NOTE = thing("table", "public.orders"), thing("column", "public.orders.note", "public.orders", type="text")
F = thing("function", "public.f(integer)", arguments="a integer", returns="integer")
GRANT = "table public.orders to app"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ([Removed(ORDERS), Removed(NOTE)], ["drops or renames table public.orders"]),
        ([Removed(NOTE)], ["drops or renames column public.orders.note"]),
        ([Removed(F)], ["drops or renames function public.f(integer)"]),
        (
            [Added(thing("column", "public.orders.x", "public.orders", type="integer", not_null="yes"))],
            ["requires a value in column public.orders.x (NOT NULL)"],
        ),
        (
            [altered("column", "public.orders.note", {"type": "text"}, {"type": "text", "not_null": "yes"})],
            ["requires a value in column public.orders.note (NOT NULL)"],
        ),
        (
            [altered("column", "public.orders.note", {"type": "text"}, {"type": "integer"})],
            ["narrows the type of column public.orders.note from text to integer"],
        ),
        (
            [altered("enum", "public.mood", {"labels": "'sad', 'ok'"}, {"labels": "'ok', 'good'"})],
            ["removes value 'sad' from enum public.mood"],
        ),
        ([Removed(thing("grant", GRANT, privileges="SELECT"))], ["revokes SELECT on table public.orders from app"]),
        (
            [altered("grant", GRANT, {"privileges": "INSERT, SELECT"}, {"privileges": "INSERT"})],
            ["revokes SELECT on table public.orders from app"],
        ),
        (
            [Added(thing("grant", "function public.f(integer) to PUBLIC", revoked="EXECUTE"))],
            ["revokes EXECUTE on function public.f(integer) from PUBLIC"],
        ),
        (
            [
                altered(
                    "view",
                    "public.v",
                    {"definition": " SELECT o.id,\n    o.a AS b\n   FROM o;"},
                    {"definition": " SELECT o.id,\n    1 AS c\n   FROM o\nUNION ALL\n SELECT 1, 2;"},
                )
            ],
            ["drops or renames column b of view public.v"],
        ),
        (
            [altered("function", "public.f(integer)", {"returns": "integer"}, {"returns": "text"})],
            ["changes the result or the defaults of function public.f(integer)"],
        ),
    ],
)
def test_what_breaks(changes: list[Change], what: list[str]) -> None:
    assert [each.what for each in schema_breaks(tuple(changes))] == what


@pytest.mark.parametrize(
    "changes",
    [
        [Added(ORDERS), Added(thing("column", "public.orders.x", "public.orders", type="integer", not_null="yes"))],
        [Added(thing("column", "public.orders.x", "public.orders", not_null="yes", default="0"))],
        [altered("column", "public.orders.note", {"type": "character varying(9)"}, {"type": "text"})],
        [altered("grant", GRANT, {"privileges": "SELECT"}, {"privileges": "ALL"})],
        [altered("enum", "public.mood", {"labels": "'ok'"}, {"labels": "'ok', 'good'"})],
        [Removed(thing("function", "public.touch()", returns="trigger"))],
        [Removed(thing("index", "public.i")), Removed(thing("trigger", "public.orders.t", "public.orders"))],
        [altered("view", "public.v", {"definition": "select 1 as a"}, {"definition": "select 2 as a, 3 as b"})],
        [Removed(ORDERS), Added(thing("view", "public.orders"))],
        [
            Removed(F),
            Added(thing("function", "public.f(integer,int)", arguments="a int, b int DEFAULT 1", returns="integer")),
        ],
        [Added(ORDERS), Added(thing("grant", "table public.orders to PUBLIC", "public.orders", revoked="SELECT"))],
    ],
)  # fmt: skip
def test_what_breaks_nothing(changes: list[Change]) -> None:
    assert schema_breaks(tuple(changes)) == ()


def found(*steps: tuple[str, str, str]) -> list[str]:
    """The problems of a plan with these versions, statements and headers, whose trial drops `orders`."""
    made = [
        migration(f"{number:03}_step", version, sql=f"{sql};\n", Breaking_Changes=breaking)
        for number, (version, sql, breaking) in enumerate(steps, start=2)
    ]
    plan = make_plan(workspace(ONE, *made), STAGING, chained(entry(ONE)))
    return [f"{p.place}: {p.what}" for p in break_problems(plan, (Removed(ORDERS),))]


def test_the_step_that_names_it_or_the_only_one_contradicts_its_header() -> None:
    what = "`Breaking Changes: No`, but in the trial the migration drops or renames table public.orders"
    assert found(("1.1.0", "select f()", "No")) == [f"migrations/002_step.sql:4:1: {what}"]
    assert found(("1.1.0", "select f('orders')", "No"), ("1.2.0", "select g()", "No")) == [
        f"migrations/002_step.sql:4:1: {what}"
    ]
    assert found(("2.0.0", "select f('orders')", "Yes"), ("2.1.0", "select g('orders')", "No")) == []
    assert found(("", "select f()", "No")) == []
    several = what.replace("the migration drops", "one of 002_step, 004_step drops")
    hidden = ("1.1.0", "do $$ begin execute 'drop table ' || 'ord' || 'ers'; end $$", "No")
    plain = ("1.2.0", "create table x ()", "No")
    assert found(hidden, plain) == [f"migrations/002_step.sql:4:1: {what}"]
    assert found(hidden, plain, ("1.3.0", "select g()", "No")) == [f"migrations/002_step.sql:4:1: {several}"]
    assert found(hidden, plain, ("2.0.0", "select g()", "Yes")) == []
    assert found(hidden, plain, ("", "select g()", "No")) == [f"migrations/002_step.sql:4:1: {what}"]
    assert found(plain, ("1.3.0", "create table y ()", "No")) == [
        f"migrations/002_step.sql:4:1: {what.replace('the migration drops', 'one of 002_step, 003_step drops')}"
    ]
    assert found(("1.1.0", "drop table orders", "No")) == []  # its own SQL shows it


def test_an_apply_that_tries_its_plan_is_blocked_by_what_only_the_trial_shows() -> None:
    two = migration("002_two", "1.1.0", sql="select clean_orders();\n", Breaking_Changes="No")
    made = make_plan(workspace(ONE, two), STAGING, chained(entry(ONE)))
    assert not made.blocked
    found = with_breaks(made, PredictedChanges((Removed(ORDERS),)))
    assert [problem.code for problem in found.problems if problem.blocks] == ["breaking-undeclared"]
    assert found.fingerprint == made.fingerprint
    history = {two.path}
    old = with_breaks(made, PredictedChanges((Removed(ORDERS),)), history)
    assert [problem.blocks for problem in old.problems if problem.code == "breaking-undeclared"] == [False]
    assert with_breaks(made, PredictedChanges(why_not="no server")).problems == made.problems
