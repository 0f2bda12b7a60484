"""Two runs never apply at the same time, and a waiting run does not disturb the active one."""

from __future__ import annotations

import time

import pytest

from tests.servers import fetch, run, session
from tests.stories.house import House, Running, advisory_locks, has, marks, ours, runs, transaction, until

pytestmark = pytest.mark.slow

APPLY = ("apply", "--env", "staging")


def test_eight_runs_at_once_apply_each_migration_once(house: House, database_url: str) -> None:
    run(database_url, "create table log (number int)")
    for number in range(1, 6):
        house.migration(f"{number:03}_t", f"insert into log values ({number});\nselect pg_sleep(0.02);")
    running = [house.start(*APPLY) for _ in range(8)]
    done = [each.ended() for each in running]
    assert [each.status for each in done] == [0] * 8, "\n".join(each.said for each in done)
    assert sorted("5 migrations applied" in each.out for each in done) == [False] * 7 + [True]
    assert sum("up to date" in each.out for each in done) == 7
    assert fetch(database_url, "select number from log order by 1") == [(n,) for n in range(1, 6)]
    assert marks(database_url) == [f"{number:03}_t applied" for number in range(1, 6)]
    assert fetch(database_url, "select count(*) - max(version) from ctgitops.format") == [(0,)]


def test_p02_a_run_that_waits_does_not_deadlock_with_create_index_concurrently(
    lived_in: House, database_url: str
) -> None:
    """A blocking request for the lock would: PostgreSQL waits for its transaction, which waits for the lock (P2)."""
    lived_in.migration("002_index", "create index concurrently one_by_id on one (id);")
    with transaction(database_url, "insert into one values (2)"):
        first = lived_in.start(*APPLY)
        until(lambda: runs(database_url, "concurrently"))
        second = lived_in.start(*APPLY)
        second.says("waiting for the run lock")
        time.sleep(1.2)  # longer than deadlock_timeout
    assert first.ended().status == 0
    done = second.ended()
    assert done.status == 0, done.said
    assert fetch(database_url, "select indisvalid from pg_index where indexrelid = 'one_by_id'::regclass") == [(True,)]
    assert marks(database_url)[1:] == ["002_index started", "002_index applied"]


def test_p03_neither_lock_nor_wait_keeps_a_snapshot(lived_in: House, database_url: str) -> None:
    """A snapshot held by the lock's session would make CREATE INDEX CONCURRENTLY wait for itself (P3)."""
    lived_in.migration("002_two", "select pg_sleep(1);")
    running = [lived_in.start(*APPLY), lived_in.start(*APPLY)]
    locks = "select state, backend_xmin, backend_xid from pg_stat_activity where datname = current_database()"
    locks += " and application_name = 'ctgitops/lock'"
    until(lambda: runs(database_url, "pg_sleep") and len(fetch(database_url, locks)) == 2)
    for _ in range(10):
        assert {row for row in fetch(database_url, locks) if row[0] == "idle"} <= {("idle", None, None)}
        time.sleep(0.02)
    assert [each.ended().status for each in running] == [0, 0]
    assert marks(database_url) == ["001_one applied", "002_two applied"]


def test_p04_a_run_that_is_killed_frees_the_lock_for_the_next(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();\nselect pg_sleep(60);")
    first = lived_in.start(*APPLY)
    until(lambda: runs(database_url, "pg_sleep"))
    lived_in.migration("002_two", "create table two ();")
    second = lived_in.start(*APPLY)
    until(lambda: len([row for row in ours(database_url) if row[0] == "ctgitops/lock"]) == 2)
    first.kill()
    done = second.ended(10)
    assert first.ended().status == -9
    # The second waits for the lock only; the table is not yet there, because the first left no trace.
    assert done.status == 0, done.said
    assert has(database_url, "two")
    assert marks(database_url) == ["001_one applied", "002_two applied"]
    until(lambda: advisory_locks(database_url) == 0, 5)


def test_a_run_that_may_not_wait_says_who_holds_the_lock(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "select pg_sleep(60);")
    first = lived_in.start(*APPLY)
    until(lambda: runs(database_url, "pg_sleep"))
    done = lived_in.apply("--wait", "0")
    assert done.status == 5, done.said
    assert "another run holds the run lock of staging" in done.words
    assert "ctgitops/lock, user postgres" in done.words
    assert "nothing was changed" in done.words
    assert "help:" in done.err
    first.ctrl_c()
    assert first.ended().status == 6


@pytest.mark.slow
def test_plan_and_status_do_not_wait_for_a_run(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();\nselect pg_sleep(60);")
    first: Running = lived_in.start(*APPLY)
    until(lambda: runs(database_url, "pg_sleep"))
    assert lived_in.plan().status == 0
    assert lived_in.run("status").status == 0
    assert runs(database_url, "pg_sleep"), "both looked while it ran"
    first.ctrl_c()
    assert first.ended().status == 6


@pytest.mark.slow
def test_a_lock_of_the_application_is_not_ours(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "select pg_advisory_lock(42);")
    lived_in.migration("003_three", "create table three ();")
    with session(database_url) as other:
        other.execute("select pg_advisory_lock(1)")
        lived_in.applied()
        assert advisory_locks(database_url) == 1
