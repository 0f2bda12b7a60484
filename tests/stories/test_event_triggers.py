"""Event triggers of a database meet our DDL: they find their tables, and what they refuse is shown in their words."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctgitops.postgres.ledger import ledger
from tests.servers import fetch, run, session
from tests.stories.house import House, as_role, database_of, marks

OF_STAGING = "the ledger of staging (STAGING_DATABASE_URL)"
FREEZE = "raise exception 'freeze until Monday' using detail = 'since Friday', hint = 'ask the release manager'"
FORMAT_1 = (Path(ledger.__file__).parents[1] / "sql" / "ledger_1.sql").read_text(encoding="utf-8")


def event_trigger(url: str, body: str, event: str = "ddl_command_end") -> None:
    run(
        url,
        f"create function note_ddl() returns event_trigger language plpgsql as $f$ begin {body}; end $f$;"
        f"create event trigger note on {event} execute function note_ddl()",
    )


@pytest.mark.parametrize(
    "path",
    ["", "app, pg_catalog", pytest.param('"$user", "odd,name", app', marks=pytest.mark.slow)],
    ids=["default", "explicit", "quoted"],
)
def test_an_unqualified_table_is_found_where_everybody_finds_it(house: House, database_url: str, path: str) -> None:
    """The trigger also makes a table: that must land where the session's search path says, not in pg_catalog."""
    schema = "app" if path else "public"
    run(database_url, 'create schema app; create schema "odd,name"')
    if path:
        run(database_url, f"alter database {database_of(database_url)} set search_path = {path}")
        schema = "odd,name" if "odd" in path else schema
    run(database_url, f'create table "{schema}".ddl_log (tag text, at_path text)')
    event_trigger(
        database_url,
        "insert into ddl_log values (tg_tag, current_setting('search_path'));"
        "if to_regclass('seen') is null and tg_tag <> 'CREATE SCHEMA' then create table seen (); end if",
    )
    house.migration("001_n", "create table n (id int);")
    house.applied()
    assert ("CREATE SCHEMA",) in fetch(database_url, f'select tag from "{schema}".ddl_log')
    assert fetch(database_url, "select relnamespace::regnamespace::text from pg_class where relname = 'seen'") == [
        (f'"{schema}"' if "," in schema else schema,)
    ]
    assert marks(database_url) == ["001_n applied"]


@pytest.mark.slow
def test_a_ledger_of_an_older_format_is_upgraded_beside_one(house: House, database_url: str) -> None:
    run(database_url, FORMAT_1)
    run(database_url, "create table ddl_log (tag text)")
    event_trigger(database_url, "insert into ddl_log values (tg_tag)")
    house.migration("001_n", "create table n (id int);")
    house.applied()
    assert fetch(database_url, "select max(version) from ctgitops.format") == [(ledger.FORMAT,)]
    assert ("GRANT",) in fetch(database_url, "select tag from ddl_log") or ("CREATE TABLE",) in fetch(
        database_url, "select tag from ddl_log"
    )


@pytest.mark.parametrize("older", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["new", "upgrade"])
def test_what_refuses_our_ddl_is_shown_in_its_own_words(house: House, database_url: str, older: bool) -> None:
    if older:
        run(database_url, FORMAT_1)
    event_trigger(database_url, FREEZE, "ddl_command_start")
    house.migration("001_n", "create table n (id int);")
    done = house.apply()
    assert done.status == 4, done.said
    doing = f"upgrade {OF_STAGING} from format 1 to {ledger.FORMAT}" if older else f"create {OF_STAGING}"
    assert f"cannot {doing}: freeze until Monday (SQLSTATE P0001)" in done.words
    assert "DETAIL: since Friday HINT: ask the release manager CONTEXT: PL/pgSQL function note_ddl()" in done.words
    assert "state: nothing was changed" in done.words
    assert "is not a ledger" not in done.said
    as_data = house.run("apply", "--env", "staging", "--format", "json").json["error"]
    assert "since Friday" in as_data["detail"]

    assert (
        "or run `ALTER EVENT TRIGGER note DISABLE`, run the command again, and then `ALTER EVENT TRIGGER note ENABLE`"
        in done.words
    )
    run(database_url, "alter event trigger note disable")
    house.applied()
    run(database_url, "alter event trigger note enable")
    assert marks(database_url) == ["001_n applied"]


def test_a_trigger_that_is_not_granted_its_table_is_named(house: House, database_url: str) -> None:
    role = f"deployer_{database_of(database_url)}"
    run(database_url, f"create role {role} login; grant create on database {database_of(database_url)} to {role}")
    run(database_url, "create table ddl_log (tag text)")
    event_trigger(database_url, "insert into ddl_log values (tg_tag)")
    house.environment("staging", as_role(database_url, role))
    house.migration("001_n", "create schema n;")
    done = house.apply()
    assert done.status == 4, done.said
    assert f"cannot create {OF_STAGING}: permission denied for table ddl_log (SQLSTATE 42501)" in done.words
    assert "event trigger note blocks it" in done.words
    assert "GRANT CREATE ON DATABASE" not in done.said


@pytest.mark.slow
def test_a_lock_that_a_trigger_waits_for_is_a_wait(house: House, database_url: str) -> None:
    run(database_url, "create table ddl_log (tag text)")
    event_trigger(database_url, "insert into ddl_log values (tg_tag)")
    house.migration("001_n", "create table n (id int);")
    with session(database_url) as other:
        other.execute("begin; lock table ddl_log")
        done = house.apply()
    assert done.status == 5, done.said
    assert f"cannot create {OF_STAGING}: canceling statement due to lock timeout (SQLSTATE 55P03)" in done.words


@pytest.mark.slow
def test_the_trial_has_its_ledger_although_such_ddl_is_refused_now(lived_in: House, database_url: str) -> None:
    """The real database has its ledger; in the copy, the trigger must not refuse ours, and must refuse theirs."""
    body = "if current_query() ~* 'create (schema|table ctgitops|table forbidden)' then " + FREEZE + "; end if"
    event_trigger(database_url, body, "ddl_command_start")
    lived_in.environment("staging", database_url, "shadow: {extensions: []}\n")
    lived_in.migration("002_two", "create table two ();")
    planned = lived_in.plan()
    assert planned.status == 0, planned.said
    assert "not tried" not in planned.words
    lived_in.migration("003_three", "create table forbidden ();")
    planned = lived_in.plan()
    assert "003_three: freeze until Monday" in planned.words, planned.said


@pytest.mark.slow
def test_a_freeze_is_the_error_of_the_migration_once_the_ledger_is_there(lived_in: House, database_url: str) -> None:
    event_trigger(database_url, FREEZE, "ddl_command_start")
    lived_in.migration("002_two", "create table two ();")
    done = lived_in.apply()
    assert done.status == 6, done.said
    assert "freeze until Monday" in done.words
    assert marks(database_url)[-1] == "002_two failed"
