"""Preflight before the first step: sessions that use the tables, and other work of the server."""

from __future__ import annotations

import secrets
import time

import psycopg
import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import base_for_servers, fetch, fresh_database, programs_for_tests, run, session
from tests.stories.house import House, as_role, has, marks, transaction, until

pytestmark = pytest.mark.slow

ALTER = "alter table one add column word text;"
LOOKS = """select from pg_stat_activity where datname = current_database()
           and application_name = 'ctgitops/apply' and query ~ 'pg_stat_progress_basebackup'"""


def manifest(house: House, url: str, preflight: str, retry_for: str = "1s") -> None:
    house.environment("staging", url, f"preflight: {preflight}\ntimeouts: {{retry_for: {retry_for}}}\n")


def test_a_long_transaction_is_waited_for_before_anything_is_done(lived_in: House, database_url: str) -> None:
    """Seen to fail without the look: 002 is applied."""
    manifest(lived_in, database_url, "{limits: {transaction: 100ms}}", "1min")
    lived_in.migration("002_new", "create table two ();")
    lived_in.migration("003_alter", ALTER)
    with transaction(database_url, "select from one"):
        time.sleep(0.3)
        running = lived_in.start("apply", "--env", "staging")
        running.says("preflight: waiting, because backend")
        assert marks(database_url) == ["001_one applied"]
    done = running.ended()
    assert done.status == 0, done.said
    assert "idle in transaction: select from one" in done.words


def test_who_does_not_end_in_time_is_named_and_nothing_is_done(lived_in: House, database_url: str) -> None:
    manifest(lived_in, database_url, "{limits: {transaction: 100ms}}")
    lived_in.migration("002_new", "create table two ();")
    lived_in.migration("003_alter", ALTER)
    with transaction(database_url, "select 'a secret of a customer' from one"):
        time.sleep(0.3)
        refused = lived_in.apply()
    assert refused.status == 5, refused.said
    assert "waits[preflight]: long_transactions: backend" in refused.words
    assert "idle in transaction: select ? from one" in refused.words
    assert "a secret of a customer" not in refused.said
    assert marks(database_url) == ["001_one applied"]


def test_a_backup_of_somebody_else_is_refused_at_once_where_the_manifest_says_so(
    lived_in: House, database_url: str
) -> None:
    manifest(lived_in, database_url, "{backups: refuse}", "10min")
    lived_in.migration("002_alter", ALTER)
    with session(database_url) as dump:
        dump.execute("set application_name = 'pg_dump'; begin; lock table one in access share mode")
        refused = lived_in.apply()
    assert refused.status == 5, refused.said
    assert "(this is pg_dump: a backup), holds AccessShareLock on public.one" in refused.words
    assert marks(database_url) == ["001_one applied"]


def test_a_plan_that_makes_nobody_wait_is_not_held_up(lived_in: House, database_url: str) -> None:
    manifest(lived_in, database_url, "{long_transactions: refuse, limits: {transaction: 0ms, connections: 9999}}")
    lived_in.migration("002_new", "create table two (); insert into one values (2);")
    with transaction(database_url, "select from one"):
        lived_in.applied()


def test_too_few_free_connections_are_refused(lived_in: House, database_url: str) -> None:
    manifest(lived_in, database_url, "{limits: {connections: 9999}}", "10min")
    lived_in.migration("002_alter", ALTER)
    refused = lived_in.apply()
    assert refused.status == 5, refused.said
    assert "connections: " in refused.words
    assert "free, but 9999 required" in refused.words


def test_who_may_not_see_ages_still_waits_for_the_long_ones(lived_in: House, database_url: str) -> None:
    role = f"role_{secrets.token_hex(4)}"
    run(
        database_url,
        f"create role {role} login; grant usage, create on schema public, ctgitops to {role};"
        f"alter table one owner to {role}; grant all on all tables in schema ctgitops to {role}",
    )
    manifest(lived_in, as_role(database_url, role), "{limits: {transaction: 600ms}}")
    lived_in.migration("002_alter", ALTER)
    with transaction(database_url, "select from one"):
        refused = lived_in.apply()
    assert refused.status == 5, refused.said
    assert "holds AccessShareLock on public.one" in refused.words
    assert not has(database_url, "public.two")
    assert marks(database_url) == ["001_one applied"]


def test_our_own_backup_is_over_before_the_first_step(lived_in: House, database_url: str) -> None:
    """The migration itself looks who is there: no session of the backup, and nobody's snapshot."""
    lived_in.environment("staging", database_url, "backup: {to: backups}\n")
    backup = (
        "(select count(*) from pg_stat_activity where datname = current_database() and application_name ~ 'backup')"
    )
    lived_in.migration("002_looks", f"alter table one add seen int; update one set seen = {backup};")
    done = lived_in.applied()
    assert "restored once and compared" in done.words
    assert fetch(database_url, "select distinct seen from one") == [(0,)]


def test_a_backup_by_hand_is_waited_for(lived_in: House, database_url: str) -> None:
    """Seen to fail without the look before the first step."""
    lived_in.environment("staging", database_url, "backup: {to: backups}\ntimeouts: {retry_for: 1min}\n")
    run(database_url, "create table slow (id int); insert into slow values (1)")
    with transaction(database_url, "lock table slow in access exclusive mode"):
        by_hand = lived_in.start("backup", "--env", "staging")
        dumping = "select from pg_stat_activity where application_name = 'ctgitops backup' and wait_event_type = 'Lock'"
        until(lambda: fetch(database_url, dumping))
        lived_in.environment("staging", database_url, "timeouts: {retry_for: 1min}\n")
        lived_in.migration("002_alter", ALTER)
        running = lived_in.start("apply", "--env", "staging")
        until(lambda: fetch(database_url, LOOKS), 30)
    done = running.ended()
    assert by_hand.ended().status == 0
    assert done.status == 0, done.said
    assert "ctgitops backup, user postgres (this is a backup)" in done.words


def test_a_base_backup_is_seen(house: House) -> None:
    settings = {"wal_level": "replica", "max_wal_senders": "2"}
    with LocalServer(programs_for_tests(), settings=settings, base=base_for_servers()) as server:
        url = fresh_database(server)
        manifest(house, url, "{backups: refuse}")
        house.migration("001_one", "create table one ();")
        house.applied()
        house.migration("002_alter", ALTER)
        with psycopg.connect(url, replication="yes", autocommit=True) as sender:
            sender.pgconn.send_query(b"BASE_BACKUP")
            until(lambda: fetch(url, "select from pg_stat_progress_basebackup"))
            refused = house.apply()
            sender.close()
    assert refused.status == 5, refused.said
    assert "is running pg_basebackup" in refused.words


def test_who_asks_it_to_stop_while_it_waits_gets_five_and_nothing_done(lived_in: House, database_url: str) -> None:
    """Seen to fail without the look before the first step, and with 130 where the interruption is not caught."""
    manifest(lived_in, database_url, "{limits: {transaction: 100ms}}", "10min")
    lived_in.migration("002_alter", ALTER)
    with transaction(database_url, "select from one"):
        time.sleep(0.3)
        running = lived_in.start("apply", "--env", "staging")
        until(lambda: fetch(database_url, LOOKS))
        running.ctrl_c()
        done = running.ended(10)
    assert done.status == 5, done.said
    assert "asked to stop while preflight waited for better conditions" in done.words
    assert marks(database_url) == ["001_one applied"]
