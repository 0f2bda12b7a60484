"""Rules for databases whose clients query the schema through an API, as with Supabase and PostgREST."""

from __future__ import annotations

import pytest

from ctgitops.core.environment.given import Platform, given_by
from ctgitops.core.environment.policy import Policy
from ctgitops.lint.api import AUTH, ROLES
from ctgitops.lint.catalog import RowPolicy
from ctgitops.lint.file_selection import lint_files
from ctgitops.lint.snapshot_catalog import catalog_of
from ctgitops.postgres.catalog.schema_snapshot import take_snapshot
from ctgitops.postgres.connection.connect import Address
from tests.fakes import migration, workspace
from tests.lint.examples import TABLES, TODAY, linted, rules_found
from tests.servers import run

ON = "alter table orders enable row level security;\n"
DEFINER = "returns int language sql security definer set search_path = '' as 'select 1';\n"


def found(rule: str, text: str, given: str = "") -> list[str]:
    return [each.what for each in linted(text, ROLES + AUTH + given) if each.rule == rule]


@pytest.mark.parametrize(
    ("rule", "text", "times"),
    [
        ("missing-row-security", "create table t (id int);", 1),
        ("missing-row-security", "create table t as select * from orders;", 1),
        ("missing-row-security", "select * into t from orders;", 1),
        ("missing-row-security", "create temp table t as select 1;", 0),
        ("missing-row-security", "create materialized view t as select 1;", 0),
        ("missing-row-security", "create table private.t (id int);", 0),
        ("missing-row-security", "create table private.t (id int);\nalter table private.t set schema public;", 1),
        ("bypassing-view", "create view v as select * from private.t;", 1),
        ("bypassing-view", "create view v with (security_invoker) as select * from private.t;", 0),
        ("bypassing-view", "create view v as select * from orders;", 0),
        ("bypassing-view", "create view v as select * from private.t;\nrevoke all on v from anon, authenticated;", 0),
        ("exposed-auth-users", "create view v with (security_invoker = true) as select id from auth.users;", 0),
        ("exposed-auth-users", "create view private.v as select id from auth.users;", 0),
        ("exposed-auth-users", "create materialized view v as select id from auth.users;", 1),
        ("exposed-auth-users", "create view v as select 1;\nrevoke all on v from anon, authenticated;", 0),
        ("policy-call-per-row", "create policy p on orders using (auth.jwt() ->> 'a' = 'b');", 1),
        ("policy-call-per-row", "create policy p on orders for insert with check (auth.uid() is not null);", 1),
        ("policy-call-per-row", "alter policy p on orders using (id in (select id from t where u = auth.uid()));", 1),
        ("policy-call-per-row", "create policy p on orders using ((select auth.jwt() ->> 'a') = 'b');", 0),
        ("policy-call-per-row", "create policy p on orders using (current_setting('a.b') = 'b');", 1),
        ("user-metadata-policy", "create policy p on orders using (auth.jwt() #>> '{user_metadata,role}' = 'a');", 1),
        ("user-metadata-policy", "create policy p on orders using (note = 'user_metadata');", 0),
        ("null-auth-policy", "create policy p on orders using (id = 1 or (auth.uid() is null or id = 2));", 1),
        ("null-auth-policy", "create policy p on orders using (id = 1 and auth.uid() is null);", 0),
        ("null-auth-policy", "create policy p on orders using (auth.uid() is not null or id = 1);", 0),
        ("extension-in-public", 'create extension if not exists "uuid-ossp";', 0),
        ("extension-in-public", "create extension pg_cron;", 0),
        ("extension-in-public", "create extension hstore with schema public;", 1),
        ("foreign-key-to-auth", "alter table orders add foreign key (note) references auth.users (email);", 1),
        ("foreign-key-to-auth", "alter table orders add foreign key (note) references auth.users;", 0),
        ("exposed-definer-function", f"create function f() {DEFINER}", 1),
        ("exposed-definer-function", f"create function private.f() {DEFINER}", 0),
        ("exposed-definer-function", f"create function f() {DEFINER}revoke all on function f() from anon;", 1),
        ("exposed-definer-function", f"create function f() {DEFINER}revoke all on function f() from public;", 0),
        ("exposed-definer-function", "create function f() returns trigger language plpgsql security definer as '';", 0),
        ("mutable-search-path", "create function f() returns int language sql as 'select 1';", 1),
        ("mutable-search-path", "create function f() returns int language sql return 1;", 0),
        (
            "mutable-search-path",
            "create function f() returns int language sql as '';\nalter function f() set search_path = '';",
            0,
        ),
        ("exposed-relation", "create materialized view v as select 1;\nrevoke all on v from anon, authenticated;", 0),
        ("exposed-relation", "create table t as select 1;", 0),
        ("exposed-relation", "create foreign table t (id int) server s;", 1),
        ("disabled-row-security", f"{ON}create policy p on orders using (id = 1);", 0),
        ("disabled-row-security", "alter table orders disable row level security;", 1),
    ],
)
def test_each_rule_reports_what_clients_of_the_api_reach(rule: str, text: str, times: int) -> None:
    assert len(found(rule, text, "create schema private; create table private.t (id int);\n")) == times


def test_policies_that_overlap_are_named_and_others_are_not() -> None:
    given = ON + "create policy a on orders for select to authenticated using (id = 1);\n"
    rule = "overlapping-policies"
    (said,) = found(rule, "create policy b on orders using (id = 2);", given)
    assert "`b` beside the policy `a`" in said
    assert found(rule, "create policy b on orders for update using (id = 2);", given) == []
    assert found(rule, "create policy b on orders to anon using (id = 2);", given) == []
    assert found(rule, "create policy b on orders as restrictive using (id = 2);", given) == []
    assert found(rule, "alter policy a on orders to anon;\ncreate policy b on orders to anon using (true);", given)


def test_a_dropped_restrictive_policy_is_a_warning() -> None:
    given = ON + "create policy a on orders using (true);\ncreate policy b on orders as restrictive using (id = 1);\n"
    (dropped,) = (each for each in linted("drop policy b on orders;", ROLES + given) if each.rule == "dropped-policy")
    assert (dropped.severity, "restrictive policy `b` hid" in dropped.what) == ("warning", True)
    again = "drop policy b on orders;\ncreate policy b on orders as restrictive using (id = 2);"
    assert found("dropped-policy", again, given) == []


def test_default_privileges_of_supabase_make_a_revoke_from_public_too_little() -> None:
    given = "alter default privileges in schema public grant all on functions to anon, authenticated;\n"
    (said,) = found(
        "exposed-definer-function", f"create function f() {DEFINER}revoke all on function f() from public;", given
    )
    assert said.startswith("anon and authenticated can call `f`")
    enough = f"create function f() {DEFINER}revoke all on function f() from public, anon, authenticated;"
    assert found("exposed-definer-function", enough, given) == []


def test_without_an_api_these_rules_are_silent() -> None:
    text = "create table t (id int);\ncreate extension hstore;\ncreate materialized view v as select 1;\n"
    text += f"create function f() {DEFINER}create function g() returns int language sql as 'select 1';"
    assert rules_found(text) == []


def test_the_platform_turns_them_on_without_a_database() -> None:
    table = migration("001_table", sql="create table t (id int primary key);")
    supabase = Policy(exposed_schemas=("public",), given=given_by(Platform.SUPABASE, ()))
    assert lint_files(workspace(table), TODAY) == ()
    rules = [each.rule for each in lint_files(workspace(table, policy=supabase), TODAY)]
    assert rules == ["missing-row-security"]


def test_a_live_schema_says_which_roles_and_policies_there_are(database_url: str) -> None:
    given = "alter default privileges grant execute on functions to anon; grant usage on schema public to anon;\n"
    policy = "create policy a on orders for select to anon using (id = 1);\n"
    run(database_url, TABLES + ROLES + given + ON + policy + f"create function f() {DEFINER}")
    catalog = catalog_of(take_snapshot(Address(database_url, label="the test's")))
    assert (catalog.api_roles, catalog.executors) == ({"anon"}, {"anon"})
    assert catalog.tables["public", "orders"].policies == {"a": RowPolicy("select", frozenset({"anon"}))}
    assert catalog.functions["public", "f"].definer
