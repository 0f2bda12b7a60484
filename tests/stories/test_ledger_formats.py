"""A ledger in an older format is readable, and the first run upgrades it without changing its entries."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctgitops.postgres.ledger import ledger
from tests.servers import fetch, run
from tests.stories.house import House, as_role, has, marks, transaction

pytestmark = pytest.mark.slow

FORMAT_1 = (Path(ledger.__file__).parents[1] / "sql" / "ledger_1.sql").read_text(encoding="utf-8")
APPLIED = """insert into ctgitops.ledger (number, name, mark, checksum, sql, finished_at, error)
    values (%s, '%s', '%s', '%s', 'create table one (id int primary key);', now(), null);"""
HASHES = "select id, previous_hash, hash from ctgitops.ledger order by id limit 3"


@pytest.fixture
def older(house: House, database_url: str) -> House:
    """A database that an earlier ctgitops brought to 001, and a reader whom its owner let in."""
    run(
        database_url,
        """do $$ begin create role reader login; exception when duplicate_object then null; end $$;
           do $$ begin create role writer login; exception when duplicate_object then null; end $$;""",
    )
    file = house.migration("001_one", "create table one (id int primary key);")
    run(database_url, FORMAT_1 + file.read_text())
    run(
        database_url,
        """grant usage on schema ctgitops to reader, writer;
           grant select on ctgitops.ledger, ctgitops.format, ctgitops.migrations to reader;
           grant select on all tables in schema ctgitops to writer; grant insert on ctgitops.ledger to writer""",
    )
    checksum = str(house.plan("--format", "json").json["steps"][0]["checksum"])
    run(database_url, APPLIED % (1, "001_one", "started", checksum))
    run(database_url, APPLIED % (1, "001_one", "failed", checksum))
    run(database_url, APPLIED % (1, "001_one", "applied", checksum))
    return house


def test_it_is_read_as_it_is(older: House, database_url: str) -> None:
    assert older.plan().out.startswith("staging")
    status = older.run("status")
    assert status.status == 0, status.said
    assert "applied" in status.out
    assert fetch(database_url, "select max(version) from ctgitops.format") == [(1,)]


def test_the_first_run_brings_it_to_todays_and_keeps_every_hash(older: House, database_url: str) -> None:
    before = fetch(database_url, HASHES)
    older.migration("002_two", "create table two ();")
    older.applied()
    assert fetch(database_url, "select version from ctgitops.format order by 1") == [(1,), (2,), (3,), (4,)]
    assert fetch(database_url, HASHES) == before
    assert marks(database_url)[-1] == "002_two applied"
    assert older.run("status").status == 0
    assert older.apply().out.startswith("staging: up to date")


def test_who_was_let_in_before_is_let_in_after(older: House, database_url: str) -> None:
    older.migration("002_index", "create index concurrently two on one (id);")
    older.applied()
    reader = older
    reader.environment("staging", as_role(database_url, "reader"))
    assert reader.run("status").status == 0
    tables = "select relname from pg_class where relnamespace = 'ctgitops'::regnamespace and relkind in ('r', 'v')"
    for (table,) in fetch(database_url, tables):
        assert fetch(as_role(database_url, "reader"), f"select count(*) >= 0 from ctgitops.{table}") == [(True,)]
    may = "select has_table_privilege('writer', 'ctgitops.' || t, p) from (values ('progress', 'insert'), "
    may += "('lease', 'update'), ('performance', 'insert'), ('traffic', 'insert'), ('lease', 'delete'), "
    may += "('progress', 'update'), ('performance', 'delete'), ('traffic', 'update')) v (t, p)"
    assert fetch(database_url, may) == [(True,)] * 4 + [(False,)] * 4


def test_a_role_that_does_not_own_it_is_told_who_must_come_first(older: House, database_url: str) -> None:
    older.environment("staging", as_role(database_url, "writer"))
    older.migration("002_two", "create table two ();")
    done = older.apply()
    assert done.status == 4, done.said
    assert "may not upgrade the ledger of staging (STAGING_DATABASE_URL) from format 1 to 4" in done.words
    assert "apply once as the role that owns schema ctgitops" in done.words
    assert not has(database_url, "two")


def test_a_newer_one_is_refused(older: House, database_url: str) -> None:
    older.migration("002_two", "create table two ();")
    run(database_url, "insert into ctgitops.format (version) values (1000)")
    for verb in (("status",), ("plan", "--env", "staging"), ("apply", "--env", "staging")):
        done = older.run(*verb)
        assert done.status == 4, done.said
        assert "has format 1000, and ctgitops" in done.words
    assert not has(database_url, "two")
    assert not has(database_url, "ctgitops.progress")


@pytest.mark.parametrize("mark", ["failed", "interrupted", "deferred"])
def test_an_attempt_that_came_to_no_end_changes_nothing_of_what_is_applied(
    lived_in: House, database_url: str, mark: str
) -> None:
    run(database_url, f"insert into ctgitops.ledger (number, name, mark, error) values (1, '001_one', '{mark}', 'x')")
    run(database_url, f"insert into ctgitops.ledger (number, name, mark, error) values (2, '002_two', '{mark}', 'x')")
    assert fetch(database_url, "select number, mark from ctgitops.migrations") == [(1, "applied")]
    lived_in.migration("002_two", "create table two ();")
    assert [step["number"] for step in lived_in.plan("--format", "json").json["steps"]] == [2]


@pytest.mark.slow
def test_who_keeps_it_locked_is_not_queued_up_behind(older: House, database_url: str) -> None:
    """A pg_dump at work: whoever reads the ledger would wait behind us for as long as that takes."""
    older.migration("002_two", "create table two ();")
    with transaction(database_url, "select from ctgitops.ledger"):
        done = older.apply()
    assert done.status == 5, done.said
    assert "cannot upgrade the ledger of staging (STAGING_DATABASE_URL) from format 1 to 4: canceling" in done.words
    assert "another session, such as a pg_dump, holds a conflicting lock" in done.words
    older.applied()
