"""A migration passes nothing on to the next one or to the ledger except what it commits."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from tests.servers import fetch, run, session
from tests.stories.house import House, as_role, database_of, facts, marks

LEFT_BEHIND = {
    "set": ("set work_mem = '123MB';", "current_setting('work_mem') <> '123MB'"),
    "set role": ("set role {role};", "current_user <> '{role}'"),
    "session authorization": ("set session authorization {role};", "session_user <> '{role}'"),
    "empty search_path": (
        "select pg_catalog.set_config('search_path', '', false);",
        "current_setting('search_path') <> ''",
    ),
    "temporary table": ("create temp table left_behind ();", "to_regclass('left_behind') is null"),
    "prepared statement": ("prepare left_behind as select 1;", "not exists (select from pg_prepared_statements)"),
    "advisory lock": (
        "select pg_advisory_lock(4711);",
        "not exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())",
    ),
    "listen": ("listen left_behind;", "not exists (select pg_listening_channels())"),
    "replica": (
        "set session_replication_role = replica;",
        "current_setting('session_replication_role') = 'origin'",
    ),
    "custom setting": ("set my.x = 'left behind';", "coalesce(current_setting('my.x', true), '') = ''"),
    "set_config": ("select set_config('my.y', 'z', false);", "coalesce(current_setting('my.y', true), '') = ''"),
    "cursor": (
        "declare left_behind cursor with hold for select 1;",
        "not exists (select from pg_cursors where name = 'left_behind')",
    ),
    "sequence value": (
        "create sequence numbers; select nextval('numbers');",
        "(select count(*) = 1 from pg_sequences where sequencename = 'numbers')",
    ),
    "read only": (
        "set session characteristics as transaction isolation level serializable;",
        "current_setting('transaction_isolation') = 'read committed'",
    ),
    "constraints": ("set constraints all deferred;", "true"),
    "time zone": ("set time zone 'Pacific/Auckland';", "current_setting('timezone') <> 'Pacific/Auckland'"),
    "string constants": (
        "set standard_conforming_strings = off;",
        "current_setting('standard_conforming_strings') = 'on'",
    ),
    "date style": ("set datestyle = 'SQL, DMY';", "current_setting('datestyle') <> 'SQL, DMY'"),
    "no lock timeout": ("set lock_timeout = 0;", "current_setting('lock_timeout') = '200ms'"),
    "encoding": ("set client_encoding = latin1;", "current_setting('client_encoding') = 'UTF8'"),
}


@pytest.fixture
def role(database_url: str) -> str:
    name = f"role_{secrets.token_hex(4)}"
    run(database_url, f"create role {name}; grant create on database {database_of(database_url)} to {name}")
    return name


def probe(condition: str) -> str:
    """A migration that fails where something reached it."""
    return f"do $$ begin assert ({condition}), 'something was left behind'; end $$;\ncreate table öffentlich ();"


def test_p24_nothing_reaches_the_next_migration_or_the_ledger(house: House, database_url: str, role: str) -> None:
    for number, (leave, condition) in enumerate(LEFT_BEHIND.values()):
        house.migration(f"{2 * number + 1:03}_leaves", leave.format(role=role))
        # The probes see what their neighbour left, whether they travel alone or together.
        house.migration(f"{2 * number + 2:03}_looks", probe(condition.format(role=role)).replace("tlich", f"_{number}"))
    house.applied()
    assert len(marks(database_url)) == 2 * len(LEFT_BEHIND)
    assert fetch(database_url, "select distinct tableowner from pg_tables where schemaname = 'public'") == [
        ("postgres",)
    ]
    # Written by the run's role, with the clock of the server, whatever the migrations set.
    assert house.applied().out.startswith("staging: up to date")
    assert house.plan().status == 0


TOLD = {  # but not settings such as `my.x`, which no server lists
    "set": "setting work_mem",
    "set role": "role {role}",
    "session authorization": "role {role}",
    "empty search_path": "setting search_path",
    "temporary table": "temporary table left_behind",
    "prepared statement": "prepared statement left_behind",
    "advisory lock": "an advisory lock",
    "listen": "LISTEN left_behind",
    "replica": "setting session_replication_role",
    "cursor": "cursor left_behind",
    "read only": "setting default_transaction_isolation",
    "time zone": "setting TimeZone",
    "string constants": "setting standard_conforming_strings",
    "date style": "setting DateStyle",
    "no lock timeout": "setting lock_timeout",
    "encoding": "setting client_encoding",
}
LEAVES_NOTHING = (
    "set local role {role}; set local work_mem = '1MB'; set local session authorization {role}",
    "create temp table gone () on commit drop",
    "select pg_advisory_xact_lock(1), set_config('my.z', 'z', true)",
    "declare gone cursor for select 1",
)
HOSTILE = """create schema evil; create function evil.concat_ws(text, variadic text[]) returns text language sql
    as $$ select 'nothing' $$; set search_path = evil, pg_catalog; set statement_timeout = '5s';"""


@pytest.mark.slow
def test_p24_what_a_migration_left_is_told(house: House, role: str) -> None:
    """Seen to fail without `set local` before the entry, for the two roles, and without the question for all."""
    wanted = {"100_hostile": "setting search_path, statement_timeout"}
    house.migration("100_hostile", HOSTILE)
    for number, kind in enumerate(LEFT_BEHIND, start=1):
        house.migration(f"{number:03}_x", LEFT_BEHIND[kind][0].format(role=role))
        if kind in TOLD:
            wanted[f"{number:03}_x"] = TOLD[kind].format(role=role)
    for number, clean in enumerate(LEAVES_NOTHING, start=50):
        house.migration(f"{number:03}_clean", clean.format(role=role) + ";")
    house.policy("header: optional\nnumbering: increasing\n")
    done = house.applied("--format", "json").json
    assert {left["migration"]: left["what"] for left in done["left"]} == wanted


@pytest.mark.slow
def test_a_warning_says_what_was_left(house: House) -> None:
    house.migration("001_base", "select pg_catalog.set_config('search_path', '', false);")
    said = " ".join(house.applied().out.split())
    assert "warning[session]: 001_base leaks session state: setting search_path; it was reset" in said


def test_the_probes_would_notice(database_url: str, role: str) -> None:
    """Run in the session that was left behind, each of them fails."""
    blind = {"sequence value", "constraints", "encoding"}
    for kind, (leave, condition) in LEFT_BEHIND.items():
        with session(database_url) as connection:
            connection.execute("begin")
            connection.execute("set lock_timeout = '200ms'")
            connection.execute("commit")
            connection.execute(leave.format(role=role).encode())
            answer = connection.execute(f"select {condition.format(role=role)}".encode()).fetchone()
            assert kind in blind or answer == (False,), kind


def test_a_search_path_set_for_the_database_is_seen_by_the_next_migration(house: House, database_url: str) -> None:
    name = database_of(database_url)
    house.migration("001_path", f"create schema app; alter database {name} set search_path = app, public;")
    house.migration("002_table", "create table here ();")
    house.applied()
    assert fetch(database_url, "select schemaname from pg_tables where tablename = 'here'") == [("app",)]


@pytest.mark.slow
def test_pg_stat_activity_shows_which_migration_a_backend_is_at(house: House, database_url: str) -> None:
    """Seen to fail with `ctgitops/apply` for all of them."""
    name = "(select application_name from pg_stat_activity where pid = pg_backend_pid())"
    house.migration("001_one", f"create table seen as select {name}::text as name;")
    house.migration("002_two", f"insert into seen select {name};")
    house.migration("003_isolated", f"set transaction isolation level serializable; insert into seen select {name};")
    house.migration("004_apart", f"-- ctgitops: no transaction\ninsert into seen select {name};")
    house.write("seeds/staging/rows.sql", f"insert into seen select {name};\n")
    house.applied()
    shown = fetch(database_url, "select name from seen order by ctid")
    assert shown == [("ctgitops/001",), ("ctgitops/002",), ("ctgitops/003",), ("ctgitops/004",), ("ctgitops/seed",)]


@pytest.mark.slow
def test_p25_all_at_once_is_the_same_as_one_by_one_and_as_psql(
    house: House, database_url: str, make_database: Callable[[], str], role: str
) -> None:
    one_by_one, by_hand = make_database(), make_database()
    for url in (one_by_one, by_hand):
        run(url, f"grant create on database {database_of(url)} to {role}")
    files = [
        "create schema a; set search_path = a; create table t (id int); set default_toast_compression = 'pglz';",
        "create table t (id bigint primary key);",
        f"set role {role}; create schema b; create table b.owned ();",
        "create table unowned ();",
        "select set_config('search_path', '', false); create table public.dumped (x text collate \"C\");",
        "create function public.f() returns int language sql as 'select 1'; comment on table t is 'public';",
        "set check_function_bodies = off; create function g() returns int language sql as 'select nothing';",
        "create view v as select f();",
    ]
    for number, sql in enumerate(files, start=1):
        house.migration(f"{number:03}_x", sql)
        with session(by_hand) as connection, connection.transaction():
            connection.execute(f"set local role postgres; {sql}".encode())
    house.applied()
    house.environment("staging", one_by_one)
    for number in (1, 2, 3, 5, 8):
        house.applied("--to", f"{number:03}")
    assert facts(database_url) == facts(one_by_one)
    assert facts(database_url) == facts(by_hand)


@pytest.mark.slow
def test_p26_a_role_that_sets_things_for_itself_changes_nothing_of_the_run(house: House, database_url: str) -> None:
    name = f"role_{secrets.token_hex(4)}"
    run(
        database_url,
        f"""create role {name} superuser login;
            alter role {name} set search_path = ''; alter role {name} set statement_timeout = '1h';
            alter role {name} set idle_in_transaction_session_timeout = '1s'; alter role {name} set datestyle = 'SQL';
            alter role {name} set bytea_output = 'escape'; alter role {name} set lock_timeout = '1h';
            alter role {name} set default_transaction_isolation = 'serializable';
            alter role {name} set timezone = 'Pacific/Auckland'; alter role {name} set client_encoding = 'latin1';""",
    )
    house.environment("staging", as_role(database_url, name), "timeouts: {lock: 300ms, statement: 5s}\n")
    house.migration(
        "001_one",
        "create table public.one (word text default 'größer €');\n"
        + probe("current_setting('lock_timeout') = '300ms' and current_setting('statement_timeout') = '5s'").replace(
            "öffentlich", "public.two"
        ),
    )
    done = house.applied()
    assert "session: lock_timeout 300ms, statement_timeout 5s, idle_in_transaction_session_timeout 0" in done.words
    assert f"role {name} sets lock_timeout 1h, which ctgitops overrides" in done.words
    assert f'role {name} sets search_path "", which applies' in done.words
    assert house.applied().out.startswith("staging: up to date")
    assert house.run("status").status == 0
