"""A hostile schema first on the search path, with functions, operators and tables named like PostgreSQL's own."""

from __future__ import annotations

import pytest

from tests.servers import fetch, run
from tests.stories.house import House, database_of

pytestmark = pytest.mark.slow

_RAISES = "language plpgsql as $$ begin raise exception 'this is not PostgreSQL''s own'; end $$"
FUNCTIONS = {
    "now()": "timestamptz",
    "clock_timestamp()": "timestamptz",
    "transaction_timestamp()": "timestamptz",
    "to_timestamp(float8)": "timestamptz",
    "round(numeric)": "numeric",
    "set_config(text, text, boolean)": "text",
    "current_setting(text)": "text",
    "current_setting(text, boolean)": "text",
    "pg_backend_pid()": "int",
    "pg_try_advisory_lock(bigint)": "boolean",
    "pg_advisory_unlock_all()": "void",
    "pg_terminate_backend(int, bigint)": "boolean",
    "to_regclass(text)": "regclass",
    "current_database()": "name",
    "has_table_privilege(text, text)": "boolean",
    "has_table_privilege(name, text)": "boolean",
    "host(inet)": "text",
    "extract(text, timestamptz)": "numeric",
    "extract(text, interval)": "numeric",
    "pg_locks()": "int",
}
OPERATORS = {
    "oid, oid": "= <>",
    "int, int": "= <> < > <= >= + - * /",
    "bigint, bigint": "= <> < > + - * / | <<",
    "text, text": "= <> ~ !~ ~~ ||",
    "name, text": "= <> ~ !~ ~~",
    "name, name": "= <>",
    '"char", "char"': "= <>",
    "boolean, boolean": "= <>",
    "numeric, numeric": "= <> < > + - * /",
    "numeric, int": "*",
    "timestamptz, timestamptz": "= <> < > <= >= -",
    "pg_lsn, pg_lsn": "-",
    "real, int": "= > /",
    "double precision, bigint": "*",
}
AGGREGATES = ("count(*)", "max(numeric)", "min(numeric)", "sum(double precision)")
RELATIONS = ("pg_stat_activity", "pg_locks", "pg_class", "pg_database", "pg_settings", "ledger", "progress", "lease")
TYPES = ("timestamptz", "float8", "regclass")


def hostile() -> str:
    """Whatever of these is used by its bare name fails."""
    made = ["create schema evil"]
    made += [f"create function evil.{name} returns {gives} {_RAISES}" for name, gives in FUNCTIONS.items()]
    for number, (kinds, symbols) in enumerate(OPERATORS.items()):
        left, right = kinds.split(", ")
        made.append(f"create function evil.f{number}({kinds}) returns boolean {_RAISES}")
        made += [
            f"create operator evil.{symbol} (leftarg = {left}, rightarg = {right}, function = evil.f{number})"
            for symbol in symbols.split()
        ]
    made.append(f"create function evil.more(int) returns int {_RAISES}")
    for name in AGGREGATES:
        kind = name.split("(")[1].rstrip(")")
        more = "more"
        if kind != "*":
            more = f"more_{kind.replace(' ', '_')}"
            made.append(f"create or replace function evil.{more}(int, {kind}) returns int {_RAISES}")
        made.append(f"create aggregate evil.{name} (sfunc = evil.{more}, stype = int, initcond = '0')")
    made += [f"create table evil.{name} (nothing int)" for name in RELATIONS]
    made += [f"create domain evil.{name} as int check (value is null)" for name in TYPES]
    return "; ".join(made)


@pytest.fixture
def on_the_path(lived_in: House, database_url: str) -> House:
    run(database_url, hostile())
    run(database_url, f"alter database {database_of(database_url)} set search_path = evil, pg_catalog, public")
    lived_in.policy("header: optional\nnumbering: increasing\n")
    return lived_in


@pytest.mark.usefixtures("on_the_path")
def test_the_schema_would_be_noticed(database_url: str) -> None:
    with pytest.raises(Exception, match="not PostgreSQL's own"):
        fetch(database_url, "select 1 = 1")


def test_p23_nothing_of_ours_is_looked_up_on_the_search_path(on_the_path: House) -> None:
    """Seen to fail with each of ledger, progress, look, work, database and leftovers as it was before."""
    filled = "insert into public.one select n from generate_series(1000, 1060) n;"
    on_the_path.migration(
        "002_alter", f"alter table public.one add column word text; {filled}", down="drop table public.two;"
    )
    on_the_path.migration("003_two", "create table public.two ();", down="drop table public.two;")
    on_the_path.migration(
        "004_apart", "create index concurrently words on public.one (word);", down="drop index words;"
    )
    on_the_path.migration("005_sets", "set time zone 'UTC';", down="select;")
    on_the_path.migration(
        "006_verified", "create table public.six ();", down="drop table public.six;", verify="select true"
    )
    on_the_path.migration(
        "007_rows",
        "-- ctgitops: batch size=2 max_lag=10s\nupdate public.one set word = 'a' "
        "where ctid = any(array(select ctid from public.one where word is null limit $1));",
        down="create table public.seven ();",
    )
    on_the_path.migration("008_full", "create table public.full ();", down="drop table public.full;")
    done = on_the_path.applied()
    assert "warning[session]: 005_sets leaks session state: setting TimeZone" in done.words
    assert "not checked" not in done.err
    assert on_the_path.run("status").status == 0
    assert on_the_path.plan().status == 0
    assert on_the_path.run("unlock", "--env", "staging").status == 0
    back = on_the_path.run("rollback", "--env", "staging", "--steps", "1")
    assert back.status == 0, back.said
    deep = on_the_path.run("verify", "--deep")
    assert "not-checked" not in deep.out, deep.said
