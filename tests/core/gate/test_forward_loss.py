"""The data that a plan destroys: from its SQL, under the names that the database has now, and from its trial."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.gate.forward_loss import forward_losses, name_of
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.schema.compare import Added, Changes, Removed
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.sql.nodes import quoted_name
from tests.fakes import STAGING, chained, entry, migration, workspace

ONE = migration("001_one")
ORDERS = SchemaObject("table", "public.orders")
AMOUNT = SchemaObject("column", "public.orders.amount", "public.orders", {"type": "numeric(10,4)"})
NOTE = SchemaObject("column", "public.orders.note", "public.orders", {"type": "text"})
COMPUTED = SchemaObject("column", "public.orders.sum", "public.orders", {"type": "text", "generated": "stored x"})
LINES = SchemaObject("table", "app.lines")
TOTALS = SchemaObject("materialized view", "public.totals")
LIVE = Snapshot.of([ORDERS, AMOUNT, NOTE, COMPUTED, LINES, TOTALS])
DROPPED = 'drops table "public"."orders"'


def lost(sql: str, changes: Changes | None = None, live: Snapshot | None = LIVE) -> list[str]:
    plan = make_plan(workspace(ONE, migration("002_two", sql=sql)), STAGING, chained(entry(ONE)))
    found = forward_losses(plan, live, changes)
    names = ((f"{loss.what.how}", loss.what.name, loss.what.column, loss) for loss in found)
    return [
        f"{how} {'.'.join(filter(None, (name, column)))}{loss.about}{' at most' * loss.what.only_some}"
        for how, name, column, loss in names
    ]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("drop table orders", [DROPPED]),
        ("drop table public.orders", [DROPPED]),
        ("drop table lines", ['drops table "app"."lines"']),
        ("do $$ begin execute 'drop table orders'; end $$", [DROPPED]),
        ("alter table orders rename to o; drop table o", [DROPPED]),
        (
            "alter table orders rename note to n; alter table orders drop n",
            ['drops column "public"."orders"."note"'],
        ),
        ("alter table orders drop sum", []),
        (
            "alter table orders alter amount type numeric(10,2)",
            ['changes the type of column "public"."orders"."amount" from numeric(10,4) to numeric(10,2)'],
        ),
        ("alter table orders alter amount type numeric(12,4)", []),
        ("alter table orders alter note type varchar(3)", []),
        (
            "alter table orders alter note type varchar(3) using note::varchar(3)",
            ['changes the type of column "public"."orders"."note" from text to varchar(3)'],
        ),
        (
            "alter table orders alter note type int using 1",
            ['changes the type of column "public"."orders"."note" from text to integer at most'],
        ),
        ("delete from orders", ['deletes rows of "public"."orders"']),
        ("delete from orders where true", ['deletes rows of "public"."orders"']),
        ("delete from orders where 1 = 1", ['deletes rows of "public"."orders"']),
        ("delete from orders where 1.5 = 1.5", ['deletes rows of "public"."orders"']),
        ("delete from orders where not false", ['deletes rows of "public"."orders"']),
        ("delete from orders where null = null", ['deletes rows of "public"."orders" at most']),
        ("delete from orders where 1 = 2", ['deletes rows of "public"."orders" at most']),
        ("delete from orders where amount > 3", ['deletes rows of "public"."orders" at most']),
        (
            "merge into orders o using lines l on o.amount = l.id when matched then delete",
            ['deletes rows of "public"."orders" at most'],
        ),
        ("with m as (delete from orders returning *) insert into lines select 1 from m", []),
        ("create temp table x (); drop table x; truncate orders", ['empties table "public"."orders"']),
        ("drop materialized view totals", ['drops materialized view "public"."totals"']),
        ("drop materialized view totals; create materialized view totals as select 1", []),
        ("drop schema app cascade", ['drops schema "app"']),
        ("update orders set note = ''", ['overwrites the values of column "public"."orders"."note" at most']),
        (
            "update orders set note = null where true",
            ['overwrites the values of column "public"."orders"."note" at most'],
        ),
        ("update orders set note = upper(note); update orders set note = '' where note is null; call p()", []),
        ("alter table orders add x int; update orders set x = 1", []),
        ("drop type t cascade", ["does what nobody can read from its text DROP TYPE … CASCADE"]),
    ],
)
def test_what_the_sql_destroys(sql: str, expected: list[str]) -> None:
    assert lost(sql) == expected


def test_values_that_a_new_type_changes_are_counted_by_a_query_of_ours() -> None:
    plan = make_plan(
        workspace(migration("001_one", sql="alter table orders alter amount type int")), STAGING, chained()
    )
    (loss,) = forward_losses(plan, LIVE)
    assert loss.query == (
        'select pg_catalog.count(*) from "public"."orders" where "amount"::integer::numeric(10,4) '
        'is distinct from "amount"'
    )


def test_the_trial_shows_what_functions_and_cascade_drop() -> None:
    gone = (Removed(ORDERS), Removed(NOTE), Removed(AMOUNT))
    assert lost("select f()", gone) == [DROPPED]
    assert lost("drop table orders", gone) == [DROPPED]
    assert lost("drop type t cascade", (Removed(NOTE),)) == ['drops column "public"."orders"."note"']
    assert lost("drop schema app cascade", (Removed(LINES),)) == ['drops schema "app"']
    part = SchemaObject("table", "public.orders_2026", attributes={"inherits": "public.orders"})
    assert lost("drop table orders", (Removed(ORDERS), Removed(part))) == [DROPPED]


def test_what_is_renamed_or_moved_is_not_lost() -> None:
    new = SchemaObject("column", "public.o.note", "public.o", {"type": "text"})
    moved = (Removed(ORDERS), Removed(NOTE), Added(SchemaObject("table", "public.o")), Added(new))
    assert lost("select f()", moved) == []
    assert lost("alter table orders rename to o", moved) == []
    assert lost("alter table orders rename note to n", (Removed(NOTE), Added(AMOUNT))) == []


def test_without_a_schema_the_names_are_those_of_the_sql() -> None:
    assert lost("drop table orders; alter table lines drop a", live=None) == [
        'drops table "orders"',
        'drops column "lines"."a"',
    ]


@given(st.lists(st.text(min_size=1).filter(lambda part: "\0" not in part), min_size=1, max_size=3))
def test_a_quoted_name_has_the_parts_that_it_was_made_of(parts: list[str]) -> None:
    expected = parts[1:] if parts[0] == "public" and len(parts) > 1 else parts
    assert name_of(quoted_name(*parts)) == tuple(expected)
