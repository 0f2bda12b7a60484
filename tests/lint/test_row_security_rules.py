"""Policies and views that do not protect rows, and row-level security that hides all of them."""

from __future__ import annotations

import pytest

from ctgitops.core.schema.snapshot import SchemaObject, Snapshot, SnapshotSource
from ctgitops.lint.run import Linter
from ctgitops.lint.snapshot_catalog import catalog_of
from ctgitops.sql.script import Script
from tests.lint.examples import TABLES, linted, rules_found
from tests.servers import run, session

ON = "alter table orders enable row level security;\n"
OWN = "create policy own on orders using (id = 1);\n"


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (ON, ["missing-policy"]),
        (ON + OWN, []),
        (OWN + ON, []),
        ("do $$ begin alter table orders enable row level security; end $$;", ["missing-policy"]),
        (f"do $$ begin {OWN} end $$;\n{ON}", []),
        ("create table t (id int);\nalter table t enable row level security;", ["missing-policy"]),
        ("alter table elsewhere enable row level security;", []),
        ("alter table orders disable row level security;", []),
    ],
)
def test_row_level_security_without_a_policy_is_found(text: str, rules: list[str]) -> None:
    assert rules_found(text) == rules


def test_the_last_policy_of_a_table_is_missed() -> None:
    assert rules_found("drop policy own on orders;", ON + OWN) == ["missing-policy"]
    assert rules_found("drop policy own on orders;\ncreate policy new on orders using (id = 2);", ON + OWN) == []
    off = "drop policy own on orders;\nalter table orders disable row level security;"
    assert rules_found(off, ON + OWN) == ["disabled-row-security"]
    assert rules_found("drop policy own on orders;", ON + OWN + "create policy two on orders using (id = 2);") == []
    assert rules_found("drop policy mine on orders;", ON + OWN + "alter policy own on orders rename to mine;") == [
        "missing-policy"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("create policy p on orders using (true);", "every role with a privilege on the table read and write"),
        ("create policy p on orders to app using (1 = 1);", "app read and write"),
        ("create policy p on orders for select using (true);", "read every row"),
        ("create policy p on orders for select to anon using (true);", "anon read every row"),
        ("create policy p on orders for select to app using (true);", ""),
        ("create policy p on orders for delete to app using (not false);", "app delete every row"),
        ("create policy p on orders for insert to app with check (true);", "app write any row"),
        ("create policy p on orders for update using (id = 1) with check (true);", "write any row"),
        ("create policy p on orders as restrictive using (true);", ""),
        ("create policy p on orders to service_role using (true);", ""),
        ("create policy p on orders using (id is not null);", "read and write every row"),
        ("create policy p on orders using (id = 1);", ""),
        ("alter policy own on orders using (true);", "every row"),
        ("alter policy own on orders to app;", ""),
    ],
)
def test_a_policy_that_lets_every_row_through_is_found(text: str, said: str) -> None:
    found = [finding.what for finding in linted(text, ON + OWN) if finding.rule == "open-policy"]
    assert len(found) == bool(said)
    assert said in "".join(found)


VIEW = "create view v as select * from orders;\n"
INVOKER = "create view v with (security_invoker = true) as select * from orders;\n"


@pytest.mark.parametrize(
    ("given", "text", "found"),
    [
        (ON + OWN, VIEW, True),
        (ON + OWN, INVOKER, False),
        (ON + OWN, "create view v with (security_invoker) as select * from orders;", False),
        (ON + OWN, VIEW + "alter view v set (security_invoker = on);", False),
        (ON + OWN, "create view v with (security_invoker = false) as select * from orders;", True),
        (ON + OWN, "create view v as with c as (select * from orders) select * from c;", True),
        (ON + OWN, "create view v as select * from customers where id in (select customer_id from orders);", True),
        (ON + OWN, "create view v as select * from customers;", False),
        (ON + OWN, "create view v as with orders as (select 1) select * from orders;", False),
        (ON + OWN + "alter table orders force row level security;", VIEW, False),
        (ON + OWN + INVOKER, "create view w as select * from v;", True),
        (ON + OWN + INVOKER, "create or replace view v as select * from orders;", True),
        (ON + OWN + INVOKER, "alter view v set (security_invoker = false);", True),
        (ON + OWN + INVOKER, "alter view v reset (security_invoker);", True),
        (ON + OWN + INVOKER, "alter view v set (security_barrier = true);", False),
        (VIEW, ON + OWN, True),
        (INVOKER, ON + OWN, False),
        (VIEW, ON + OWN + "alter view v set (security_invoker = true);", False),
        (VIEW, ON + OWN + "alter table orders force row level security;", False),
        ("", VIEW + ON + OWN, True),
        ("", VIEW, False),
    ],
)
def test_a_view_that_reads_past_row_level_security_is_found(given: str, text: str, found: bool) -> None:
    assert [rule for rule in rules_found(text, given) if rule == "bypassing-view"] == ["bypassing-view"] * found


def test_a_live_view_is_read_with_its_query_and_its_options() -> None:
    objects = [
        SchemaObject("table", "public.t"),
        SchemaObject("column", "public.t.a", "public.t", {"type": "integer"}),
        SchemaObject("view", "public.v", "", {"definition": " SELECT a FROM public.t;"}),
        SchemaObject(
            "view", "public.w", "", {"definition": " SELECT a FROM public.t;", "options": "security_invoker=true"}
        ),
        SchemaObject("policy", "public.t.p", "public.t", {}),
    ]
    linter = Linter(catalog_of(Snapshot.of(objects, SnapshotSource(server_version="14.23"))))
    (finding,) = linter.file(Script("alter table t enable row level security;", "002.sql"))
    assert finding.rule == "bypassing-view"
    assert "`v`" in finding.what
    assert "before 15" in finding.instead


def test_postgresql_shows_what_the_rules_say(database_url: str) -> None:
    run(database_url, TABLES + "insert into orders (id) values (1), (2);" + ON)
    with session(database_url) as connection:
        connection.execute("begin; create role reader; grant select on all tables in schema public to reader")

        def rows(of: str) -> int:
            connection.execute("set local role reader")
            found = connection.execute(f"select from {of}".encode()).rowcount
            connection.execute("reset role")
            return found

        assert rows("orders") == 0  # missing-policy
        connection.execute(OWN + VIEW + "grant select on v to reader")
        assert (rows("orders"), rows("v")) == (1, 2)  # bypassing-view
        connection.execute("alter table orders force row level security")
        connection.execute("create policy everything on orders for select using (true)")
        assert rows("orders") == 2  # open-policy


@pytest.mark.parametrize(
    ("given", "text", "found"),
    [
        ("alter table orders enable row level security;", "create materialized view m as select * from orders;", True),
        (
            'alter table orders enable row level security; create schema "S";',
            'CREATE MATERIALIZED VIEW "S"."M" AS SELECT count(*) FROM public.orders o JOIN customers c USING (id);',
            True,
        ),
        ("alter table orders enable row level security;", "create materialized view m as select 1;", False),
        ("alter table orders enable row level security;", "create table m as select * from orders;", False),
        ("", "create materialized view m as select * from orders;", False),
        ("create materialized view m as select * from orders;", "alter table orders enable row level security;", True),
        (
            "alter table orders enable row level security; alter table orders force row level security;",
            "create materialized view m as select * from orders;",
            False,
        ),
        ("alter table orders enable row level security;", "do $$ begin create materialized view m as "
         "select * from orders; end $$;", True),
    ],
)  # fmt: skip
def test_a_materialized_view_of_a_table_with_policies_is_found(given: str, text: str, found: bool) -> None:
    assert ("bypassing-view" in rules_found(text, given)) is found
