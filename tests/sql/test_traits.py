"""What statements do beyond their own transaction is read from trees and bodies, never from words in a text."""

from __future__ import annotations

import pytest

from ctgitops.sql.script import Script
from ctgitops.sql.traits import NOTHING, Trait


@pytest.mark.parametrize(
    ("sql", "trait"),
    [
        ("alter database shop set search_path = app", Trait.OUTLIVES),
        ("alter database shop owner to anna", Trait.OUTLIVES),
        ("do $$ begin execute format('alter database %I set x = 1', current_database()); end $$", Trait.OUTLIVES),
        ("ALTER ROLE app SET statement_timeout = '5s'", Trait.OUTLIVES),
        ("alter /* the */ user app rename to application", Trait.OUTLIVES),
        ("load 'auto_explain'", Trait.OUTLIVES),
        ("create extension hstore", Trait.OUTLIVES),
        ("set my.tenant = '5'", Trait.OUTLIVES),
        ("select set_config('my.tenant', '5', false)", Trait.OUTLIVES),
        ("do $$ begin perform set_config('my.tenant', '5', false); end $$", Trait.OUTLIVES),
        ("do $$ begin set local my.tenant = '5'; end $$", Trait.OUTLIVES),
        ("select lo_create(1)", Trait.OUTLIVES),
        ("create function f() returns int language plpython3u as 'return 1'", Trait.OUTLIVES),
        ("select record_migration('a')", Trait.RECORDS),
        ("select RECORD_MIGRATION('a')", Trait.RECORDS),
        ("select \"record_migration\"('a')", Trait.RECORDS),
        ("do $$ begin perform Record_Migration('a'); end $$", Trait.RECORDS),
        ("create function f() returns void language sql as 'select record_migration(1)'", Trait.RECORDS),
        ("select ctgitops.record_migration('a')", Trait.RECORDS_QUALIFIED),
        ("do $$ begin perform ctgitops.record_migration('a'); end $$", Trait.RECORDS_QUALIFIED),
        ("set transaction isolation level serializable", Trait.SETS_TRANSACTION),
        ("set local transaction read write", Trait.SETS_TRANSACTION),
        ("set /* the */ transaction isolation level serializable", Trait.SETS_TRANSACTION),
        ("set transaction_isolation = serializable", Trait.SETS_TRANSACTION),
        ("savepoint a; select 1; release a", Trait.SAVEPOINT),
        ("create temp table t ()", Trait.TEMPORARY),
        ("create temporary view v as select 1", Trait.TEMPORARY),
        ("select 1 as a into temp t", Trait.TEMPORARY),
        ("do $$ begin create temp table t (); end $$", Trait.TEMPORARY),
    ],
)
def test_what_a_statement_does(sql: str, trait: Trait) -> None:
    assert Script(sql, "a.sql").traits == trait


@pytest.mark.parametrize(
    "words",
    [
        "alter role app set x = 1",
        "set_config('my.a', 'b', false)",
        "record_migration('a')",
        "set transaction read only",
        "savepoint a",
        "create temp table t",
        "load 'x'",
    ],
)
def test_words_in_comments_strings_and_names_do_nothing(words: str) -> None:
    quoted = words.replace("'", "''")
    for sql in (
        f"-- {words}\nselect 1",
        f"/* {words} */ select 1",
        f"insert into t values ('{quoted}')",
        f'select 1 as "{words}"',
        f"do $x$ begin -- {words}\n null; end $x$",
        f"do $x$ begin raise notice '{quoted}'; end $x$",
    ):
        assert Script(sql, "a.sql").traits == NOTHING, sql


@pytest.mark.parametrize(
    "sql",
    [
        "alter table t add column loaded boolean",
        "set search_path = app",
        "select pg_catalog.set_config('search_path', '', false)",
        "update t set a = b.c from b",
        "do $$ begin update t set a = b.c from b; end $$",
        'select "Record_Migration"(1)',
        "create table t (temp int, savepoint int)",
        "set session characteristics as transaction read write",
        "commit; rollback to a",
    ],
)
def test_what_looks_like_it_does_not(sql: str) -> None:
    assert Script(sql, "a.sql").traits == NOTHING


def test_of_a_text_that_cannot_be_parsed_the_safe_answer_is_given() -> None:
    assert Trait.OUTLIVES in Script("selec set 1", "a.sql").traits
