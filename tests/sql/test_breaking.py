"""What SQL breaks for code that uses the schema is read from its parse trees, file after file."""

from __future__ import annotations

import pytest

from ctgitops.sql.breaking import KnownObjects, breaks_of
from ctgitops.sql.column_type import cuts, narrows, type_from
from ctgitops.sql.parse import trees

BEFORE = """
create table orders (id int primary key, note text, amount numeric(10,4), code varchar(20));
create type mood as enum ('sad', 'ok');
create function f(a int) returns int language sql as 'select 1';
create function touch() returns trigger language plpgsql as 'begin return new; end';
create view v as select 1 as x;
"""
REMADE = "language sql as 'select 1'"


def broken(*files: str) -> list[str]:
    """What the last file breaks, where the others are applied."""
    known = KnownObjects()
    found: tuple[str, ...] = ()
    for file in files:
        known.forget_made()
        found = tuple(each.what for each in breaks_of(trees(file), known))
    return list(found)


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("drop table orders", "drops table orders"),
        ("drop table if exists orders", "drops table orders"),
        ("drop view public.v", "drops view v"),
        ("drop schema app cascade", "drops schema app"),
        ("drop function f", "drops function f"),
        ("alter table orders drop column note", "drops column orders.note"),
        ("do $$ begin drop table orders; end $$", "drops table orders"),
        ("do $$ begin execute 'drop table orders'; end $$", "drops table orders"),
        ("do $$ begin if true then drop table orders; end if; end $$", "drops table orders"),
        ("alter table orders rename to o", "renames table orders to o"),
        ("alter table orders rename column note to n", "renames column orders.note to n"),
        ("alter table orders set schema app", "moves table orders to schema app"),
        (
            "alter table orders alter column amount type numeric(10,2)",
            "narrows the type of column orders.amount from numeric(10,4) to numeric(10,2)",
        ),
        (
            "alter table orders alter column note type int using 1",
            "changes the type of column orders.note from text to integer",
        ),
        ("alter table orders alter note set not null", "requires a value in column orders.note (NOT NULL)"),
        ("alter table orders add x int not null", "requires a value in column orders.x (NOT NULL)"),
        ("alter table orders add constraint c not null note", "requires a value in column orders.note (NOT NULL)"),
        (
            "alter table orders add x int; update orders set x = 1; alter table orders alter x set not null",
            "requires a value in column orders.x (NOT NULL)",
        ),
        (
            "alter type mood rename to old; create type mood as enum ('sad'); drop type old",
            "removes value 'ok' from enum mood",
        ),
        ("alter type mood rename value 'ok' to 'fine'", "renames value 'ok' of enum mood"),
        ("revoke select on orders from app", "revokes select on table orders from app"),
        (
            f"drop function f(int); create function f(a int, b int) returns int {REMADE}",
            "changes the signature of function f from (integer) returning integer to (integer, integer) returning "
            "integer",
        ),
        (
            f"drop function f(int); create function f(a int) returns text {REMADE}",
            "changes the signature of function f from (integer) returning integer to (integer) returning text",
        ),
    ],
)
def test_each_incompatible_change_is_found(sql: str, what: str) -> None:
    assert broken(BEFORE, sql) == [what]


@pytest.mark.parametrize(
    "sql",
    [
        "drop table if exists nothing",
        "alter table orders drop column if exists nothing",
        "create table t (a int); drop table t",
        "create temp table orders_old as select 1; drop table orders_old",
        "alter table orders rename to o; create view orders as select * from o",
        "create table n (); alter table orders rename to o; alter table n rename to orders; drop table if exists o",
        "drop view v; create view v as select 1 as x, 2 as y",
        "alter table orders alter amount type numeric(12,4), alter code type text, alter id type bigint",
        "alter table orders add x int not null default 0, add y bigserial, add z int generated always as identity",
        "alter table orders add x int; alter table orders alter x set default 1, alter x set not null",
        "alter table orders add x int; alter table orders drop x",
        "alter type mood add value 'good'",
        f"drop function f(int); create function f(a int, b int default 1) returns int {REMADE}",
        f"create or replace function f(a int) returns int {REMADE}",
        "drop function touch() cascade",
        "revoke all on all tables in schema public from app; revoke execute on function f from public",
        "create table t (a int); revoke all on t from app",
        "drop index i; drop trigger t on orders; drop policy p on orders; alter table orders drop constraint c",
        "alter table orders alter id drop not null, alter code drop default",
        "do $$ begin execute 'drop table ' || 'orders'; end $$",
    ],
)
def test_what_code_does_not_notice_is_not_found(sql: str) -> None:
    assert broken(BEFORE, sql) == []


def test_a_table_that_is_made_again_and_dropped_is_known() -> None:
    assert broken(BEFORE, "drop table orders", "drop table if exists orders") == []
    assert broken(BEFORE, "drop table orders", "create table orders (a int)", "drop table orders") != []


def test_values_that_a_later_file_adds_to_an_enum_are_known() -> None:
    more = ("alter type mood add value 'good'", "alter type mood rename to m; create type mood as enum ('sad', 'ok')")
    assert broken(BEFORE, *more) == ["removes value 'good' from enum mood"]


@pytest.mark.parametrize(
    ("old", "new", "narrower", "rounded", "truncated"),
    [
        ("numeric(10,4)", "numeric(10,2)", True, True, True),
        ("numeric(10,2)", "numeric(12,2)", False, False, False),
        ("numeric(10,2)", "integer", True, True, True),
        ("bigint", "integer", True, False, False),
        ("integer", "bigint", False, False, False),
        ("double precision", "real", True, True, True),
        ("character varying(50)", "character varying(10)", True, False, True),
        ("text", "character varying(10)", True, False, True),
        ("character varying(50)", "text", False, False, False),
        ("timestamp without time zone", "date", True, True, True),
        ("timestamp with time zone", "timestamp(0) with time zone", True, True, True),
        ("timestamp without time zone", "timestamp with time zone", False, False, False),
        ("date", "timestamp with time zone", False, False, False),
        ("text", "integer", True, False, False),
        ("integer", "text", False, False, False),
        ("json", "jsonb", False, False, False),
        ("app.mood", "text", False, False, False),
        ("text[]", "text", False, False, False),
        ("integer", "integer[]", True, False, False),
    ],
)
def test_types_are_compared(old: str, new: str, narrower: bool, rounded: bool, truncated: bool) -> None:
    before, after = type_from(old), type_from(new)
    assert narrows(before, after) is narrower
    assert cuts(before, after) is rounded
    assert cuts(before, after, explicit=True) is truncated
