"""A migration makes no application wait longer than `timeouts.lock`: it checks for blockers before it queues."""

from __future__ import annotations

import secrets
import time

import pytest

from tests.servers import fetch, run, session
from tests.stories.house import House, Running, as_role, marks, ours, transaction, until

pytestmark = pytest.mark.slow

APPLY = ("apply", "--env", "staging")
UNHURRIED = "preflight: {long_transactions: ignore}\n"
"""On a busy machine a transaction is a long one before the run has looked; these are about the look of the step."""
ALTER = "alter table one add column word text;"
LOOKS = """select from pg_stat_activity where datname = current_database()
           and application_name ~ '^ctgitops/(apply|[0-9]+)$'
           and query ~ 'with recursive named|pg_stat_progress_basebackup'"""
"""A look for blockers, or preflight, whose look comes after the 1,024 characters that pg_stat_activity shows."""
OUR_WAITS = """select from pg_stat_activity where datname = current_database()
               and application_name ~ '^ctgitops/(apply|[0-9]+)$' and wait_event_type = 'Lock'"""


def looks_and_never_waits(url: str, running: Running, seconds: float) -> None:
    """It looks, and in all that time it is never seen in a queue for a lock."""
    deadline = None
    with session(url) as watcher:
        while deadline is None or time.monotonic() < deadline:
            assert watcher.execute(OUR_WAITS.encode()).fetchall() == []
            if deadline is None and watcher.execute(LOOKS.encode()).fetchall():
                deadline = time.monotonic() + seconds
            time.sleep(0.005)
    assert running.process.poll() is None


@pytest.mark.parametrize(
    ("held", "sql"),
    [
        ("select from one", ALTER),
        ("insert into one values (5)", "create index on one (id);"),
        ("lock table one in share mode", "delete from one;"),
        ("select from one", "create table two (id int references one); drop table one cascade;"),
    ],
)
def test_p08_who_reads_a_table_is_waited_for_without_queueing(
    lived_in: House, database_url: str, held: str, sql: str
) -> None:
    """Seen to fail without the look: the ALTER TABLE waits in the queue, 200 ms in each attempt."""
    lived_in.environment("staging", database_url, UNHURRIED)
    lived_in.migration("002_alter", sql)
    with transaction(database_url, held):
        time.sleep(0.2)
        running = lived_in.start(*APPLY)
        looks_and_never_waits(database_url, running, 1)
    done = running.ended()
    assert done.status == 0, done.said
    assert "002_alter … waiting before locking: backend" in done.err
    assert "ctgitops test" in done.err
    assert marks(database_url)[-1] == "002_alter applied"


def test_p08_nobody_is_looked_for_where_a_lock_conflicts_with_nothing(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_trigger", "create table two (); insert into one values (7);")
    with transaction(database_url, "select from one; insert into one values (5)"):
        time.sleep(0.2)
        done = lived_in.applied()
    assert "does not queue" not in done.err


def test_p08_in_small_migrations_that_travel_together_too(lived_in: House, database_url: str) -> None:
    for number in range(2, 12):
        lived_in.migration(f"{number:03}_new", f"create table t{number} ();")
    lived_in.migration("012_alter", ALTER)
    lived_in.migration("013_new", "create table t13 ();")
    with transaction(database_url, "select from one"):
        time.sleep(0.2)
        running = lived_in.start(*APPLY)
        until(lambda: "011_new applied" in marks(database_url))
        looks_and_never_waits(database_url, running, 0.5)
    assert running.ended().status == 0
    assert len(marks(database_url)) == 13


def test_p08_it_gives_up_in_time_and_says_who_was_in_the_way(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, f"{UNHURRIED}timeouts: {{retry_for: 1s}}\n")
    lived_in.migration("002_alter", ALTER)
    with transaction(database_url, "select 'a secret of a customer', 4711 from one"):
        time.sleep(0.2)
        done = lived_in.apply()
        assert fetch(database_url, "select count(*) from pg_stat_activity where application_name = 'ctgitops test'")
    assert done.status == 6, done.said
    assert "lock timeout on public.one (SQLSTATE 55P03)" in done.words
    assert "ctgitops test, user postgres, holds AccessShareLock on public.one" in done.words
    assert "idle in transaction: select ?, ? from one" in done.words
    assert "a secret of a customer" not in done.said
    assert "002_alter left no trace" in done.words
    assert ours(database_url) == []


def test_p08_whoever_comes_between_the_look_and_the_lock_is_named_too(lived_in: House, database_url: str) -> None:
    """What no parser can see, such as a DO block, is left to lock_timeout; the report is the same."""
    lived_in.environment("staging", database_url, "timeouts: {lock: 20ms, retry_for: 100ms}\n")
    sql = "do $$ begin execute 'alter table one add word text'; end $$;"
    lived_in.migration("002_alter", sql)
    with transaction(database_url, "select from one"):
        done = lived_in.apply()
    assert done.status == 6, done.said
    assert "SQLSTATE 55P03" in done.words
    assert marks(database_url)[-1] == "002_alter failed"


def test_a_backup_of_somebody_else_is_called_one(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, "timeouts: {retry_for: 1s}\n")
    lived_in.migration("002_alter", ALTER)
    with session(database_url) as dump:
        dump.execute("set application_name = 'pg_dump'; begin; lock table one in access share mode")
        time.sleep(0.2)
        done = lived_in.apply()
    assert "pg_dump, user postgres (this is pg_dump: a backup), holds AccessShareLock on public.one" in done.words


def test_a_prepared_transaction_is_told(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, "timeouts: {retry_for: 1s}\n")
    lived_in.migration("002_alter", ALTER)
    run(database_url, "begin; insert into one values (9); prepare transaction 'p'")
    done = lived_in.apply()
    run(database_url, "rollback prepared 'p'")
    assert "a prepared transaction (see pg_prepared_xacts)" in done.words


def test_who_may_not_see_other_sessions_still_does_not_queue(lived_in: House, database_url: str) -> None:
    """Its age is not shown to such a role: who is there in two looks is taken to stay."""
    role = f"role_{secrets.token_hex(4)}"
    run(database_url, f"create role {role} login")
    run(
        database_url,
        f"grant usage, create on schema public, ctgitops to {role}; alter table one owner to {role};"
        f"grant all on all tables in schema ctgitops to {role}",
    )
    lived_in.environment("staging", as_role(database_url, role))
    lived_in.migration("002_alter", ALTER)
    with transaction(database_url, "select from one"):
        running = lived_in.start(*APPLY)
        until(lambda: fetch(database_url, LOOKS))
        time.sleep(1)
        assert running.process.poll() is None
    done = running.ended()
    assert done.status == 0, done.said
