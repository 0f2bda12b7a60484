"""Statements that name a database are found by the parser."""

from __future__ import annotations

import pytest

from ctgitops.sql.databases import databases_named


@pytest.mark.parametrize(
    "sql",
    [
        "alter database own set timezone = 'UTC'",
        "alter database own reset all",
        "alter database own with connection limit 5",
        "alter database own owner to app",
        "alter database own rename to other",
        "alter database own refresh collation version",
        "comment on database own is 'orders'",
        "grant connect on database own to app",
        "revoke all on database own from public",
        "alter role app in database own set search_path = app",
        "alter role all in database own reset all",
        "security label on database own is 'x'",
        "reindex database own",
        "reindex system own",
        "select 1; comment on database own is null",
        "do $$ begin if true then alter database own set timezone = 'UTC'; end if; end $$",
        "do $$ begin execute 'alter database own set timezone = ''UTC'''; end $$",
        "do $$ begin execute 'do $x$ begin alter database own reset all; end $x$'; end $$",
    ],
)
def test_a_statement_that_names_its_database_is_found(sql: str) -> None:
    assert databases_named(sql) == ("own",)


@pytest.mark.parametrize(
    "sql",
    [
        "comment on table own is 'alter database own'",
        "-- alter database own\nselect 1",
        "create database own",
        "drop database own",
        "grant select on own to app",
        "alter role app set search_path = own",
        "alter table own rename to other",
        "reindex table own",
        "do $$ begin execute format('alter database %I set a.b = 1', current_database()); end $$",
        "do $$ begin raise notice 'alter database own'; end $$",
        "do $$ declare n int; begin update t set a = 1; get diagnostics n = row_count; end $$",
        "do language plperl $$ alter database own $$",
    ],
)
def test_what_only_looks_like_it_is_not(sql: str) -> None:
    assert databases_named(sql) == ()


def test_several_names_are_each_told_once_and_as_they_are() -> None:
    assert databases_named('grant connect on database a, "B c", a to x; alter database a reset all') == ("a", "B c")
