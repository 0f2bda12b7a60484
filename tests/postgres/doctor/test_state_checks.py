"""Checks of a database's state, each on a real healthy and a real broken database, and the fix followed literally."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import psycopg
import pytest

from ctgitops.core.doctor.diagnosis import CheckVerdict
from ctgitops.postgres.doctor.state_checks import invalid_indexes, ledger, role_settings, run_lock, statistics
from ctgitops.postgres.lock.run_lock import RUN_LOCK
from tests.postgres.doctor.scene import as_user, doctor, verdicts
from tests.servers import fetch, run, session
from tests.stories.house import House

pytestmark = pytest.mark.slow
numbers = itertools.count(1)
INTERRUPTED = "create table t (id int); insert into t values (1), (1)"


@pytest.fixture
def role(database_url: str) -> Iterator[str]:
    name = f"doctor_user_{next(numbers)}_{database_url.rpartition('/')[2].partition('?')[0]}"
    run(database_url, f"create role {name} login")
    yield name
    run(database_url, f"drop owned by {name}; drop role {name}")


def test_an_invalid_index_is_found_and_the_fix_works(database_url: str) -> None:
    run(database_url, INTERRUPTED)
    with pytest.raises(psycopg.errors.UniqueViolation):
        run(database_url, "create unique index concurrently i on t (id)")
    with doctor(database_url) as opened:
        (found,) = invalid_indexes(opened)
        assert (found.verdict, found.what) == (CheckVerdict.PROBLEM, "invalid: public.i")
        run(database_url, "delete from t where ctid = (select min(ctid) from t)")
        run(database_url, found.fix)
        assert verdicts(invalid_indexes(opened)) == [CheckVerdict.OK]


def test_statistics_of_a_large_table_that_are_missing_or_stale_are_found_and_the_fix_works(database_url: str) -> None:
    small = "create table small (id int); insert into small values (1);"
    run(database_url, small + "create table large (id int, t text);")
    run(database_url, "insert into large select i, repeat('x', 100) from generate_series(1, 70000) i")
    with doctor(database_url) as opened:
        (missing,) = statistics(opened)
        assert (missing.verdict, missing.fix) == (CheckVerdict.PROBLEM, "ANALYZE public.large;")
        run(database_url, missing.fix)
        assert verdicts(statistics(opened)) == [CheckVerdict.OK]
        with session(database_url) as writer:
            writer.execute("update large set id = id + 1 where id < 30000")
        run(database_url, "select pg_stat_clear_snapshot()")
        (stale,) = statistics(opened)
        assert (stale.verdict, stale.fix) == (CheckVerdict.PROBLEM, "ANALYZE public.large;")


def test_an_unfinished_migration_is_found(house: House, database_url: str) -> None:
    with doctor(database_url) as opened:
        assert verdicts(ledger(opened, "staging")) == [CheckVerdict.OK]
        house.migration("001_t", INTERRUPTED + ";")
        house.applied()
        assert verdicts(ledger(opened, "staging")) == [CheckVerdict.OK]
        house.migration("002_i", "create unique index concurrently i on t (id);")
        assert house.apply().status == 6
        (found,) = ledger(opened, "staging")
        assert (found.verdict, "002_i is unfinished" in found.what) == (CheckVerdict.PROBLEM, True)
        assert found.fix.split("\n")[1] == "ctgitops apply --env staging"


def test_a_ledger_that_was_changed_by_hand_is_found(house: House, database_url: str) -> None:
    house.migration("001_t", "create table t (id int);")
    house.applied()
    run(database_url, "alter table ctgitops.ledger disable trigger all; update ctgitops.ledger set checksum = 'x'")
    with doctor(database_url) as opened:
        assert CheckVerdict.PROBLEM in verdicts(ledger(opened, "staging"))


def test_a_lock_that_an_ended_run_holds_is_found_and_the_fix_works(house: House, database_url: str) -> None:
    house.migration("001_t", "create table t (id int);")
    house.applied()
    with doctor(database_url) as opened:
        assert verdicts(run_lock(opened, "staging")) == [CheckVerdict.OK]
        with psycopg.connect(database_url, autocommit=True, application_name="ctgitops/lock") as dead:
            dead.execute("select pg_advisory_lock(%s)", [RUN_LOCK])
            (found,) = run_lock(opened, "staging")
            assert found.verdict is CheckVerdict.PROBLEM
            assert house.run(*found.fix.split()[1:]).status == 0
            assert verdicts(run_lock(opened, "staging")) == [CheckVerdict.OK]


def test_settings_of_the_role_that_a_run_does_not_override_are_found(database_url: str, role: str) -> None:
    url = as_user(database_url, role)
    with doctor(url) as opened:
        assert verdicts(role_settings(opened)) == [CheckVerdict.OK]
    run(database_url, f"alter role {role} set statement_timeout = '5s'")
    with doctor(url) as opened:
        (harmless,) = role_settings(opened)
        assert (harmless.verdict, "runs override it" in harmless.what) == (CheckVerdict.NOTE, True)
    run(database_url, f"alter role {role} reset all; create schema ctgitops authorization {role}")
    run(database_url, f"alter role {role} set default_transaction_read_only = on")
    with doctor(url) as opened:
        (found,) = role_settings(opened)
        assert found.verdict is CheckVerdict.PROBLEM
        run(database_url, found.fix)
    assert fetch(url, "show default_transaction_read_only") == [("off",)]
