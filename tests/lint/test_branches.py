"""PL/pgSQL blocks: lint judges every branch except those known not to run."""

from __future__ import annotations

import pytest

from ctgitops.core.schema.snapshot import Snapshot, SnapshotSource
from ctgitops.lint.catalog import Catalog
from ctgitops.lint.run import Linter
from ctgitops.lint.snapshot_catalog import catalog_of
from ctgitops.sql.script import Script
from tests.lint.examples import rules_found

GIVEN = """
alter table orders add constraint positive check (amount > 0);
create index orders_code on orders (code);
create schema other; create table other.orders (id int, extra int);
create view open_orders as select 1 as a;
create materialized view sums as select 1 as a;
"""
BUILD = "create index on orders (note);"
COLUMNS = "select from information_schema.columns where table_name = 'orders' and table_schema = 'public'"
LATER = f"{COLUMNS} and column_name = 'later'"


UNDER_LOCK = ["blocking-index", "work-under-lock"]


def found_under(condition: str, given: str = GIVEN) -> list[str]:
    return rules_found(
        f"do $$ declare t text := 'orders'; n int; begin if {condition} then {BUILD} end if; end $$;", given
    )


@pytest.mark.parametrize(
    "condition",
    [
        "1 = 2",
        "not exists (select 1)",
        "exists (select from orders where false)",
        "false",
        "not true",
        "n > 1 and 1 > 2",
        f"not exists ({COLUMNS} and column_name = 'note')",
        f"not exists ({COLUMNS} and column_name in ('nothing', 'note'))",
        f"exists ({COLUMNS} and column_name = 'extra')",
        f"exists ({COLUMNS} and column_name = 'quantity' and data_type = 'bigint')",
        f"exists ({COLUMNS} and column_name = 'id' and is_nullable = 'YES')",
        f"(select count(*) {COLUMNS.removeprefix('select ')} and column_name = 'extra') > 0",
        "exists (select 1 from information_schema.columns c where c.table_name = t and c.column_name = 'nothing')",
        "exists (select from information_schema.tables where table_name = 'nothing')",
        "not exists (select from pg_tables where schemaname = current_schema() and tablename = 'orders')",
        "exists (select from pg_class where relname = 'open_orders' and relkind = 'r')",
        "exists (select from pg_class c join pg_namespace n on true where relname = 'x' and relkind = 'r')",
        "not exists (select from pg_constraint where conname = 'positive')",
        "exists (select from pg_constraint where conname = 'nothing')",
        "exists (select from pg_constraint where conname like 'posi__ive_%')",
        "not exists (select from pg_constraint where conname like 'pos%_ive')",
        "exists (select from pg_tables where tablename not like '%r%')",
        "exists (select from pg_tables where tablename like 'order\\_')",
        "exists (select from pg_matviews where matviewname = 'orders')",
        "not exists (select from pg_matviews where matviewname = 'sums')",
        "not exists (select from information_schema.table_constraints where constraint_name = 'positive' "
        "and constraint_schema = 'public')",
        "not exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where c.relname = 'orders_code' and n.nspname = 'public')",
        "not exists (select from pg_class c, pg_namespace n where n.oid = c.relnamespace and relname = 'orders_code')",
        "not exists (select from pg_class t join pg_constraint c on c.conrelid = t.oid "
        "where t.relname = 'orders' and c.conname = 'positive')",
        "exists (select from pg_class t join pg_constraint c on c.conrelid = t.oid "
        "where t.relname = 'customers' and c.conname = 'positive')",
        "not exists (select from pg_attribute a join pg_class t on a.attrelid = t.oid "
        "where t.relname = 'orders' and attname = 'note')",
        "not exists (select from pg_constraint where conname = 'positive' and conrelid = 'orders'::regclass)",
        "exists (select from pg_constraint where conname = 'positive' and conrelid = 'customers'::regclass)",
        "not exists (select from pg_attribute where attrelid = 'orders'::regclass and attname = 'note' "
        "and not attisdropped and attnum > 0)",
        "not exists (select from information_schema.table_constraints where constraint_type = 'PRIMARY KEY' "
        "and table_name = 'orders')",
        "not exists (select from pg_indexes where indexname = 'orders_code')",
        "to_regclass('public.orders') is null",
        "to_regclass('nothing') is not null",
    ],
)
def test_a_branch_that_is_known_not_to_be_taken_is_silent(condition: str) -> None:
    assert found_under(condition) == []
    assert found_under(f"not ({condition})") == ["blocking-index"]


@pytest.mark.parametrize(
    "condition",
    [
        "n > 1",
        "n > 1 or 1 = 2",
        "exists (select from pg_class where relname = 'nothing')",
        "exists (select from pg_class c join pg_namespace n on n.oid = c.oid where relname = 'orders')",
        "not exists (select from pg_class c left join pg_trigger t on t.tgrelid = c.oid where relname = 'orders')",
        "not exists (select from pg_class c, pg_trigger t where t.tgrelid = c.oid and relname = 'orders')",
        "not exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.oid > 5 "
        "where relname = 'orders')",
        "exists (select from orders where id = 1)",
        "not exists (select from orders)",
        "not exists (select unnest(array[]::int[]))",
        "exists (select from other.tables where table_name = 'nothing')",
        "not exists (select from pg_tables where tablename = 'orders' offset 1)",
        "exists (select count(*) from pg_tables where tablename = 'nothing' having count(*) > 1)",
        "exists (select from pg_type where typname = 'mood')",
        "exists (select from pg_indexes where indexname like n::text)",
        "exists (select from information_schema.columns where table_name = n::text)",
        "to_regclass('orders_id_seq') is null",
        "current_setting('server_version_num')::int < 90000",
        "(select max(id) from orders) > 0",
    ],
)
def test_a_branch_of_which_nobody_knows_is_judged_either_way(condition: str) -> None:
    assert found_under(condition) == found_under(f"not ({condition})") == ["blocking-index"]


def test_nothing_is_known_to_be_absent_where_not_all_is_known() -> None:
    block = f"do $$ begin if exists (select from pg_tables where tablename = 'new') then {BUILD} end if; end $$;"
    for complete, rules in ((True, []), (False, ["blocking-index"])):
        found = Linter(Catalog(complete=complete)).file(Script(block, "x.sql"))
        assert [each.rule for each in found] == rules


def test_the_servers_version_is_that_of_the_live_schema() -> None:
    linter = Linter(catalog_of(Snapshot.of([], SnapshotSource("17.2"))))
    version = "current_setting('server_version_num')::int"
    text = f"do $$ begin if {version} {{}} 150000 then create index on t (a); end if; end $$;"
    assert linter.file(Script(text.format("<"), "x.sql")) == ()
    assert [each.rule for each in linter.file(Script(text.format(">="), "x.sql"))] == ["blocking-index"]


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        (f"if true then return; end if; {BUILD}", []),
        (f"if true then raise exception 'no'; end if; {BUILD}", []),
        (f"if true then raise notice 'no'; end if; {BUILD}", ["blocking-index"]),
        (f"if 1 = 2 then {BUILD} elsif true then null; else {BUILD} end if;", []),
        (f"if 1 = 2 then null; elsif 1 = 1 then {BUILD} end if;", ["blocking-index"]),
        (f"while false loop {BUILD} end loop;", []),
        (f"case when 1 = 2 then {BUILD} when 2 = 2 then null; else {BUILD} end case;", []),
        (f"for i in 1..2 loop if 1 = 2 then {BUILD} end if; end loop;", []),
        (f"begin {BUILD} exception when others then null; end;", ["blocking-index"]),
        ("begin null; exception when others then create index on orders (code); end;", ["blocking-index"]),
        ("execute 'create index orders_pkey on orders (code)';", []),
        (
            "alter table orders add column code text default random()::text;exception when duplicate_column then null;",
            [],
        ),
        (
            "alter table orders add column later int;"
            f"if exists ({COLUMNS} and column_name = 'later') then return; end if; {BUILD}",
            [],
        ),
        (f"if not exists ({LATER}) then alter table orders add column later int; {BUILD} end if;", UNDER_LOCK),
        (f"if not exists ({LATER}) then alter table orders add column later int; else {BUILD} end if;", []),
        (f"if not exists ({LATER}) then alter table orders add column later int; return; end if; {BUILD}", []),
        (
            f"if not exists ({LATER}) then alter table orders add column later int; end if; "
            f"if not exists ({LATER}) then {BUILD} end if;",
            [],
        ),
        (f"for r in select tablename from pg_tables where schemaname = 'nothing' loop {BUILD} end loop;", []),
        (f"for r in select count(*) from pg_tables where schemaname = 'no' loop {BUILD} end loop;", ["blocking-index"]),
        (f"for r in select tablename from pg_tables order by 1 loop {BUILD} end loop;", ["blocking-index"]),
        (f"for r in select unnest(array[]::int[]) loop {BUILD} end loop;", ["blocking-index"]),
        (f"perform 1 from pg_constraint where conname = 'nothing'; if found then {BUILD} end if;", []),
        (
            f"perform 1 from pg_constraint where conname = 'nothing'; if not found then {BUILD} end if;",
            ["blocking-index"],
        ),
        (f"perform 1 from orders; if found then {BUILD} end if;", ["blocking-index"]),
        (f"select 1 into n {LATER.removeprefix('select ')}; if found then {BUILD} end if;", []),
        (f"update orders set id = 2 where id = 1; if found then {BUILD} end if;", ["blocking-index"]),
    ],
)
def test_the_way_through_a_block_is_followed(body: str, rules: list[str]) -> None:
    assert rules_found(f"do $$ declare n int; r record; begin {body} end $$;") == rules


COUNTED = f"select count(*) into n {COLUMNS.removeprefix('select ')} and column_name = 'later'"


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        (f"{COUNTED}; if n > 0 then {BUILD} end if;", []),
        (f"{COUNTED}; if n = 0 then {BUILD} end if;", ["blocking-index"]),
        (f"{COUNTED}; n := 1; if n > 0 then {BUILD} end if;", ["blocking-index"]),
        (f"{COUNTED}; {COUNTED}; if n > 0 then {BUILD} end if;", ["blocking-index"]),
        (f"select exists({COLUMNS} and column_name = 'later') into b; if b then {BUILD} end if;", []),
        (f"select exists({COLUMNS}) into b; if not b then {BUILD} end if;", []),
        (f"if c then {BUILD} end if;", []),
        (f"if not c then alter table orders add column later int; end if; if c then {BUILD} end if;", []),
        (
            f"if not c then alter table orders add column later int; end if; if not c then {BUILD} end if;",
            ["blocking-index"],
        ),
        (f"select a, b into n, b from orders; if n > 0 then {BUILD} end if;", ["blocking-index"]),
        (f"select conname into v from pg_constraint where conname = 'no'; if v is not null then {BUILD} end if;", []),
        (
            f"select conname into v from pg_constraint where conname = 'no'; if v is null then {BUILD} end if;",
            ["blocking-index"],
        ),
        (f"select conname into v from pg_constraint where contype = 'p'; if v is null then {BUILD} end if;", []),
        (
            f"select max(conname) into v from pg_constraint where false; if v is not null then {BUILD} end if;",
            ["blocking-index"],
        ),
        (
            f"select null into v from pg_constraint where contype = 'p'; if v is null then {BUILD} end if;",
            ["blocking-index"],
        ),
        (
            f"select 0 into n from pg_constraint where contype = 'p'; if n is null then {BUILD} end if; "
            f"if n = 0 then {BUILD} end if;",
            ["blocking-index"],
        ),
        (f"if k is not null then {BUILD} end if;", []),
        (f"if k is null then {BUILD} end if;", ["blocking-index"]),
        (f"execute 'select 1' into n; if n > 1 then {BUILD} end if;", ["blocking-index", "dynamic-sql"]),
    ],
)
def test_what_a_variable_was_told_is_known_as_long_as_it_is_told_once(body: str, rules: list[str]) -> None:
    declare = "n int; v text; k regclass := to_regclass('nothing'); "
    declare += f"b boolean; c boolean := exists ({COLUMNS} and column_name = 'later');"
    found = rules_found(f"do $$ declare {declare} begin {body} end $$;")
    assert [rule for rule in found if rule in rules] == [rule for rule in rules if rule in found]
    assert ("blocking-index" in found) is ("blocking-index" in rules)


def test_a_function_that_is_called_is_read_in_the_same_way() -> None:
    given = (
        "create function f() returns void language plpgsql as $$ begin "
        f"if not exists ({COLUMNS} and column_name = 'note') then {BUILD} end if; end $$;"
    )
    assert rules_found("select f();", given) == []
    assert rules_found("alter table orders drop column note;\nselect f();", given)[1:] == [
        "blocking-index",
        "work-under-lock",
    ]


@pytest.mark.parametrize(
    ("query", "rules"),
    [
        ("select f() where false", []),
        ("select f() where not exists (select from pg_indexes where indexname = 'orders_code')", []),
        ("select f() where not exists (select from pg_indexes where indexname = 'nothing')", ["blocking-index"]),
        ("select f() from pg_tables where tablename = 'nothing'", []),
        ("select f() from orders where id = 1", ["blocking-index"]),
        ("select 1 from pg_tables where tablename = 'nothing' and f() is null", ["blocking-index"]),
        ("select f(count(*)) from pg_tables where tablename = 'nothing'", ["blocking-index"]),
        ("select case when false then f() end", []),
        ("select case when false then 1 else f() end", ["blocking-index"]),
        ("select case when true then null else f() end", []),
        ("select case when id > 1 then null else f() end from orders", UNDER_LOCK),
        ("select case 1 when 2 then f() end", ["blocking-index"]),
        ("select 1 where exists (select f() where false)", []),
        ("with a as (delete from orders where id = 1 returning f()) select from a where false", ["blocking-index"]),
    ],
)
def test_a_function_that_is_known_not_to_be_called_is_not_read(query: str, rules: list[str]) -> None:
    given = f"{GIVEN} create function f() returns void language plpgsql as $$ begin {BUILD} end $$;"
    assert rules_found(f"{query};", given) == rules
