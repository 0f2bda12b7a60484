"""The ledger: its columns are a contract, its rows cannot be changed, and tampering is detected."""

from __future__ import annotations

import psycopg
import pytest

from tests.servers import fetch, run, session
from tests.stories.house import House, as_role, facts, has, marks

pytestmark = pytest.mark.slow

COLUMNS = [
    "id",
    "number",
    "name",
    "version",
    "mark",
    "checksum",
    "sql",
    "rollback_sql",
    "started_at",
    "finished_at",
    "millis",
    "error",
    "actor",
    "commit_sha",
    "pull_request",
    "run_url",
    "plan",
    "receipt",
    "tool_version",
    "server_version",
    "previous_hash",
    "hash",
]
HEADER = """\
-- Migration: 002_two
-- Version: 1.0.1
-- Description: Adds two
-- Breaking Changes: No
-- Rollback: Available
-- Created: 2026-01-12
-- Author: Anna
--
-- Dependencies: 001
-- Estimated Execution Time: 1 s
-- Impact: nobody waits

"""


def entry(url: str, columns: str) -> tuple[object, ...]:
    """Columns of the newest entry."""
    return fetch(url, f"select {columns} from ctgitops.ledger order by id desc limit 1")[0]


def test_its_columns_are_those_of_the_contract(lived_in: House, database_url: str) -> None:
    query = (
        "select attname from pg_attribute where attrelid = 'ctgitops.ledger'::regclass and attnum > 0 order by attnum"
    )
    assert [name for (name,) in fetch(database_url, query)] == COLUMNS
    lived_in.write("migrations/002_two.sql", HEADER + "create table two ();\n")
    lived_in.write("migrations/002_two.down.sql", "drop table two;\n")
    sha = "0123456789abcdef0123456789abcdef01234567"
    ci = {
        "GITHUB_ACTOR": "octocat",
        "GITHUB_SHA": sha,
        "GITHUB_REF": "refs/pull/17/merge",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "constructtrack/app",
        "GITHUB_RUN_ID": "99",
    }
    plan = lived_in.plan("--format", "json").json
    done = lived_in.run("apply", "--env", "staging", environ=ci)
    assert done.status == 0, done.said
    assert entry(database_url, "number, name, version, mark, rollback_sql, error, receipt ? 'id'") == (
        2,
        "002_two",
        "1.0.1",
        "applied",
        "drop table two;\n",
        None,
        False,
    )
    point = "receipt -> 'recovery_point' ->> 'lsn', receipt -> 'recovery_point' ->> 'archive'"
    lsn, archive = entry(database_url, point)
    assert archive == "none"
    assert fetch(database_url, f"select pg_current_wal_lsn() > '{lsn}'") == [(True,)]
    status = lived_in.run("status", "--env", "staging")
    assert f"recovery point of the last run: NO PITR: there is no archive from which LSN `{lsn}`" in status.words
    assert entry(database_url, "actor, commit_sha, pull_request, run_url, plan") == (
        "octocat",
        sha,
        17,
        "https://github.com/constructtrack/app/actions/runs/99",
        plan["fingerprint"],
    )
    assert entry(database_url, "sql = $x$" + HEADER + "create table two ();\n$x$, checksum") == (
        True,
        plan["steps"][0]["checksum"],
    )
    told = "started_at <= finished_at, millis >= 0, tool_version is not null, server_version = version.setting"
    query = f"select {told} from ctgitops.ledger, pg_settings version where version.name = 'server_version'"
    assert set(fetch(database_url, query)) == {(True, True, True, True)}


@pytest.mark.slow
def test_the_view_shows_what_the_database_has_now(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();", down="drop table two;")
    lived_in.applied()
    view = "select number, name, mark, can_roll_back from ctgitops.migrations order by number"
    assert fetch(database_url, view) == [(1, "001_one", "applied", False), (2, "002_two", "applied", True)]
    assert lived_in.run("rollback", "--env", "staging", "--steps", "1").status == 0
    assert fetch(database_url, view) == [(1, "001_one", "applied", False)]


@pytest.mark.parametrize(
    "change",
    [
        "update ctgitops.ledger set checksum = 'x'",
        "delete from ctgitops.ledger",
        "truncate ctgitops.ledger",
        "truncate ctgitops.ledger cascade",
        "update ctgitops.format set version = 0",
        "update ctgitops.progress set mark = 'done'",
        "delete from ctgitops.progress",
        "truncate ctgitops.progress",
        "set session_replication_role = replica; delete from ctgitops.ledger",
    ],
)
@pytest.mark.usefixtures("lived_in")
def test_it_refuses_to_be_changed(database_url: str, change: str) -> None:
    before = fetch(database_url, "select * from ctgitops.ledger")
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        run(database_url, change)
    assert fetch(database_url, "select * from ctgitops.ledger") == before


def test_it_refuses_to_be_changed_by_a_migration(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "set session_replication_role = replica; delete from ctgitops.ledger;")
    assert lived_in.apply().status == 6
    assert marks(database_url) == ["001_one applied", "002_two failed"]


def test_nobody_else_has_anything_in_it_even_where_everything_is_granted_by_default(
    house: House, database_url: str
) -> None:
    run(
        database_url,
        """do $$ begin create role guest login; exception when duplicate_object then null; end $$;
        alter default privileges grant all on tables to guest; alter default privileges grant all on functions to guest;
        alter default privileges grant all on sequences to guest; alter default privileges grant all on types to guest;
        alter default privileges grant all on schemas to guest;""",
    )
    house.migration("001_one", "create table public.one ();")
    house.applied()
    anon = as_role(database_url, "guest")
    assert fetch(anon, "select count(*) from public.one") == [(0,)]
    for reach in (
        "select * from ctgitops.ledger",
        "select * from ctgitops.migrations",
        "insert into ctgitops.ledger (name, mark, previous_hash, hash) values ('x', 'applied', '', '')",
        "select ctgitops.record_migration('002_two.sql')",
        "select * from ctgitops.format",
        "select * from ctgitops.progress",
        "select * from ctgitops.lease",
        "update ctgitops.lease set ended = now()",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(anon, reach)
    granted = """select c.relname::text, a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
        where c.relnamespace = 'ctgitops'::regnamespace and a.grantee <> c.relowner
        union all select p.proname::text, a.grantee::regrole::text from pg_proc p, aclexplode(p.proacl) a
        where p.pronamespace = 'ctgitops'::regnamespace and a.grantee <> p.proowner
        union all select nspname::text, a.grantee::regrole::text
        from pg_namespace, aclexplode(nspacl) a where nspname = 'ctgitops' and a.grantee <> nspowner"""
    assert fetch(database_url, granted) == []


@pytest.mark.parametrize(
    "change",
    [
        "update ctgitops.ledger set checksum = null where number = 1",
        pytest.param(
            "update ctgitops.ledger set started_at = started_at - interval '1 day' where number = 1",
            marks=pytest.mark.slow,
        ),
        "delete from ctgitops.ledger where number = 1",
        pytest.param(
            "update ctgitops.ledger set sql = 'nothing happened', hash = repeat('a', 64) where number = 1",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_it_tells_when_a_superuser_changed_it(lived_in: House, database_url: str, change: str) -> None:
    run(database_url, "select ctgitops.record_migration('002_two')")
    run(database_url, f"alter table ctgitops.ledger disable trigger all; {change}")
    for trigger in ("chain_entry", "refuse_change"):
        run(database_url, f"alter table ctgitops.ledger enable always trigger {trigger}")
    lived_in.migration("002_two", "create table two ();")
    lived_in.migration("003_three", "create table three ();")
    before = facts(database_url)
    done = lived_in.apply()
    assert done.status == 4, done.said
    assert "ledger-tampered" in done.out
    assert "the hash chain of the ledger is broken at entry" in done.words
    assert facts(database_url) == before


def test_record_migration_inside_a_migration_hands_over_its_rollback_and_records_once(
    lived_in: House, database_url: str
) -> None:
    lived_in.migration(
        "002_two",
        "create table two ();\n"
        "SELECT record_migration('002_two.sql', 'abc', 12, true, null, 'drop table two; -- it''s back');",
    )
    lived_in.migration("003_three", "create table three ();")
    lived_in.applied()
    assert marks(database_url) == ["001_one applied", "002_two applied", "003_three applied"]
    rollbacks = fetch(database_url, "select rollback_sql from ctgitops.ledger order by id")
    assert rollbacks == [(None,), ("drop table two; -- it's back",), (None,)]
    assert lived_in.run("rollback", "--env", "staging", "--steps", "1").status == 4
    assert lived_in.apply().out.startswith("staging: up to date")


@pytest.mark.slow
def test_record_migration_of_another_migration_or_of_a_failure_fails(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();\nselect record_migration('005_five.sql');")
    done = lived_in.apply()
    assert done.status == 6
    assert "002_two is being applied, not 005_five" in done.words
    lived_in.migration("002_two", "select record_migration('002_two.sql', null, 0, false, 'it went wrong');")
    done = lived_in.apply()
    assert done.status == 6
    assert "it went wrong" in done.words
    assert not has(database_url, "two")
    assert marks(database_url) == ["001_one applied", "002_two failed", "002_two failed"]


def test_record_migration_by_hand_records_once(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();")
    with session(database_url) as connection:
        connection.execute("set search_path = public, ctgitops")
        connection.execute("create table two ()")
        for _ in range(2):
            connection.execute("select record_migration('002_two.sql', null, 5, true, null, 'drop table two')")
    assert marks(database_url) == ["001_one applied", "002_two applied"]
    assert entry(database_url, "number, millis, rollback_sql") == (2, 5, "drop table two")
    lived_in.migration("003_three", "create table three ();")
    lived_in.applied()
    assert marks(database_url)[-1] == "003_three applied"


@pytest.mark.slow
def test_two_failed_attempts_are_two_entries_and_the_migration_stays_pending(
    lived_in: House, database_url: str
) -> None:
    lived_in.migration("002_two", "select 1 / 0;")
    plan = lived_in.plan("--format", "json").json["fingerprint"]
    for _ in range(2):
        assert lived_in.apply("--fingerprint", plan).status == 6
    assert marks(database_url) == ["001_one applied", "002_two failed", "002_two failed"]
    assert entry(database_url, "error") == ("22012 division by zero",)
    again = lived_in.plan("--format", "json").json
    assert [step["name"] for step in again["steps"]] == ["002_two"]
    assert again["fingerprint"] == plan
    assert lived_in.run("status").status == 1
    assert "failed" in lived_in.run("status").out


@pytest.mark.slow
def test_a_name_with_quotes_and_a_statement_with_everything_are_kept_as_they_are(
    lived_in: House, database_url: str
) -> None:
    sql = "select 'it''s', E'\\\\', $$;$$, 'ü€😀', '%s %(x)s {}'; -- \\ ' \" ; $1"
    lived_in.write('migrations/002_it\'s_a "name"; drop.sql', sql)
    lived_in.applied()
    assert entry(database_url, "name, sql") == ('002_it\'s_a "name"; drop', sql)
    assert lived_in.run("status").status == 0
    assert lived_in.apply().out.startswith("staging: up to date")


@pytest.mark.slow
def test_a_public_schema_full_of_traps_does_not_reach_the_ledger(lived_in: House, database_url: str) -> None:
    """Functions and operators of the same names as PostgreSQL's own, first on the path."""
    lived_in.migration(
        "002_two",
        """create function public.clock_timestamp() returns timestamptz language sql as $$ select 1 / 0, now() $$;
           create function public.current_setting(text) returns text language sql as $$ select (1 / 0)::text $$;
           create function public.set_config(text, text, boolean) returns text language sql as
               $$ select (1 / 0)::text $$;
           create table public.ledger (); create table public.format ();
           create function public.round(numeric) returns bigint language sql as $$ select 1::bigint / 0 $$;
           """.replace("select 1 / 0, now()", "select now() - interval '1 day' * (1 / 0)"),
    )
    lived_in.migration("003_three", "set search_path = public, pg_catalog;\ncreate table three ();")
    lived_in.applied()
    assert lived_in.apply().out.startswith("staging: up to date")
    assert marks(database_url)[-1] == "003_three applied"


@pytest.mark.parametrize("mark", ["baselined", "repaired"])
def test_record_migration_by_hand_leaves_alone_what_is_there_by_another_mark(
    lived_in: House, database_url: str, mark: str
) -> None:
    """Its entry without a checksum would stand in front of the one with it, and an edited file would go unseen."""
    run(
        database_url,
        f"insert into ctgitops.ledger (number, name, mark, checksum) values (2, '002_two', '{mark}', 'sha256:0')",
    )
    run(database_url, "select ctgitops.record_migration('002_two.sql')")
    assert marks(database_url) == ["001_one applied", f"002_two {mark}"]
    assert lived_in.run("status").status == 4


@pytest.mark.parametrize("other", ["format (x int)", "format (version int); insert into ctgitops.format values (1)"])
def test_somebody_elses_schema_of_that_name_is_said_to_be_no_ledger(
    house: House, database_url: str, other: str
) -> None:
    house.migration("001_one", "create table one ();")
    run(database_url, f"create schema ctgitops; create table ctgitops.{other}")
    for verb in (("status",), ("plan", "--env", "staging"), ("apply", "--env", "staging")):
        done = house.run(*verb)
        assert done.status == 4, done.said
        assert "has a schema ctgitops that is not a ledger" in done.words
    assert not has(database_url, "one")
