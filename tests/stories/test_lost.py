"""A run keeps track of its lock, its connection, its role, and the locks that others wait for."""

from __future__ import annotations

import os
import socket
import threading
import time
from datetime import UTC, datetime
from typing import NoReturn

import pytest

from ctgitops.core.gate.request import Request
from ctgitops.core.ledger.safeguards import Safeguards
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.run.progress import Progress
from ctgitops.errors import ApplyError, LedgerError
from ctgitops.files.workspace import read_workspace
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.session.database import PostgresDatabase
from tests.servers import fetch, run
from tests.stories.house import House, as_role, has, marks, transaction, until

pytestmark = pytest.mark.slow

END_THE_LOCK = """select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'ctgitops/lock'"""

SLEEPS = """select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"""
HIDES = "set application_name = 'psql';"
"""The next run does not know such a session for its own and does not wait for it, so the ledger has to refuse."""


@pytest.mark.slow
def test_a_second_run_does_not_do_again_what_the_first_still_does(lived_in: House, database_url: str) -> None:
    """The first lost the connection with its lock, its transaction goes on, and its session hides whose it is."""
    lived_in.migration(
        "002_slow", f"{HIDES} select pg_sleep(10);\ninsert into one values ((select max(id) + 1 from one));"
    )
    first = lived_in.start("apply", "--env", "staging")
    until(lambda: fetch(database_url, SLEEPS))
    run(database_url, END_THE_LOCK)
    second = lived_in.apply()
    assert first.ended().status == 0
    assert second.status == 6, second.said
    assert "002_slow" in second.words
    assert "is applied already" in second.words
    assert "run the command again" in second.words
    assert fetch(database_url, "select count(*) from one") == [(2,)]
    assert marks(database_url)[:2] == ["001_one applied", "002_slow applied"]
    assert marks(database_url).count("002_slow applied") == 1
    assert lived_in.apply().out.startswith("staging: up to date")


@pytest.mark.slow
def test_a_second_rollback_does_not_undo_again(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_slow", "insert into one values (2);", down=f"{HIDES} select pg_sleep(6);\ndelete from one;")
    lived_in.applied()
    back = ("rollback", "--env", "staging", "--steps", "1", "--accept-data-loss", "002_slow")
    first = lived_in.start(*back)
    until(lambda: fetch(database_url, SLEEPS))
    run(database_url, END_THE_LOCK)
    second = lived_in.start(*back)
    until(lambda: len(fetch(database_url, "select from pg_stat_activity where query like '%pg_sleep(6)%'")) >= 3)
    assert first.ended().status == 0
    assert second.ended().status == 6
    assert marks(database_url).count("002_slow rolled-back") == 1


def test_an_idle_session_timeout_does_not_cost_the_run_its_lock(lived_in: House, database_url: str) -> None:
    run(
        database_url,
        "do $$ begin execute format('alter database %I set idle_session_timeout = 300', current_database()); end $$",
    )
    lived_in.migration("002_slow", "select pg_sleep(1);")
    lived_in.migration("003_three", "create table three ();")
    lived_in.applied()


@pytest.mark.parametrize("seconds", [1, 60])
def test_a_connection_that_is_cut_is_ended_before_anybody_is_told_how_it_went(
    lived_in: House, database_url: str, seconds: int
) -> None:
    """The server does not learn at once that nobody listens: it would go on, and commit."""
    lived_in.migration("002_slow", f"create table two ();\nselect pg_sleep({seconds});")
    database = PostgresDatabase(Address(database_url, "staging"))
    request = _request(lived_in)
    with database.exclusively(request, _nobody) as session:
        plan = make_plan(request.workspace, request.environment, session.ledger())
        cut = threading.Timer(0.3, _cut, [session._work.connected().pgconn.socket])
        cut.start()
        with pytest.raises(ApplyError) as caught:
            session.run(plan.steps[0], plan, Safeguards())
    assert "002_slow left no trace" in caught.value.state
    time.sleep(1.5)
    assert not has(database_url, "two")
    assert marks(database_url) == ["001_one applied", "002_slow failed"]


def test_a_batch_whose_connection_is_cut_is_not_run_twice(lived_in: House, database_url: str) -> None:
    for number in range(2, 6):
        lived_in.migration(
            f"{number:03}_more",
            f"select pg_sleep({1 if number == 4 else 0});\ninsert into one values ((select max(id) + 1 from one));",
        )
    database = PostgresDatabase(Address(database_url, "staging"))
    request = _request(lived_in)
    with database.exclusively(request, _nobody) as session:
        plan = make_plan(request.workspace, request.environment, session.ledger())
        session._run_of(plan)._coalescer.pace.size = 8
        cut = threading.Timer(0.3, _cut, [session._work.connected().pgconn.socket])
        cut.start()
        for step in plan.steps:
            session.run(step, plan, Safeguards())
    assert fetch(database_url, "select count(*) from one") == [(5,)]
    assert marks(database_url) == [f"{n:03}_{'one' if n == 1 else 'more'} applied" for n in range(1, 6)]


def _cut(descriptor: int) -> None:
    """The network in between closes our end; the server's backend is busy and does not look."""
    with socket.socket(fileno=os.dup(descriptor)) as ours:
        ours.shutdown(socket.SHUT_RDWR)


def _request(house: House) -> Request:
    workspace = read_workspace(house.root)
    environment = workspace.environment("staging")
    assert environment is not None
    return Request(workspace, environment, datetime.now(UTC))


def _nobody(_progress: Progress) -> None:
    pass


def test_every_migration_runs_as_the_role_that_the_login_role_is_set_to(house: House, database_url: str) -> None:
    """`alter role app set role = owner`: what the next migration makes must be the owner's too."""
    login, owner = "login_of_owner", "owner_of_all"
    for statement in (
        f"create role {owner}",
        f"create role {login} login noinherit",
        f"grant {owner} to {login}",
        f"alter role {login} set role = {owner}",
    ):
        run(database_url, f"do $x$ begin {statement}; exception when duplicate_object then null; end $x$")
    run(database_url, f"grant create on schema public to {owner}")
    run(
        database_url,
        "do $$ begin execute format('grant create on database %I to owner_of_all', current_database()); end $$",
    )
    house.environment("staging", as_role(database_url, login))
    house.migration("001_one", "create table one (id int);")
    house.migration("002_two", "create table two ();", verify="select true;")
    house.migration("003_index", "create index concurrently one_by_id on one (id);\ncreate table three ();")
    house.migration("004_four", "create table four ();")
    house.applied()
    owners = fetch(database_url, "select distinct tableowner from pg_tables where schemaname = 'public'")
    assert owners == [(owner,)]


@pytest.mark.parametrize("default", ["'concurrently'", "'x' /* concurrently */"])
def test_only_what_builds_concurrently_may_wait_for_long(lived_in: House, database_url: str, default: str) -> None:
    lived_in.environment("staging", database_url, "timeouts: {lock: 100ms, retry_for: 1s}\n")
    lived_in.migration(
        "002_index",
        f"alter table one add column more text default {default};\ncreate index concurrently one_by on one (more);",
    )
    with transaction(database_url, "lock table one in access share mode"):
        done = lived_in.start("apply", "--env", "staging").ended(8)
    assert done.status == 6, done.said
    assert "SQLSTATE 55P03" in done.words


def test_an_invalid_index_that_is_there_already_is_not_taken_for_the_one_wanted(
    lived_in: House, database_url: str
) -> None:
    """IF NOT EXISTS is content with what a failed attempt left behind (P9): it is dropped, and built anew."""
    run(database_url, "alter table one drop constraint one_pkey; insert into one values (1)")
    with pytest.raises(Exception, match="could not create unique index"):
        run(database_url, "create unique index concurrently one_by_id on one (id)")
    run(database_url, "delete from one")
    lived_in.migration("002_index", "create unique index concurrently if not exists one_by_id on one (id);")
    assert lived_in.applied().status == 0
    valid = "select indisvalid from pg_index where indexrelid = 'one_by_id'::regclass"
    assert fetch(database_url, valid) == [(True,)]
    assert marks(database_url)[-1] == "002_index applied"


def test_a_server_that_is_gone_in_the_middle_is_not_said_to_be_unchanged(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();\nset my.setting = 'needs a new connection after it';")
    lived_in.migration("003_three", "create table three ();")
    request = _request(lived_in)

    def gone() -> NoReturn:
        raise LedgerError("cannot connect to staging", state="nothing was read or changed")

    with PostgresDatabase(Address(database_url, "staging")).exclusively(request, _nobody) as session:
        plan = make_plan(request.workspace, request.environment, session.ledger())
        session.run(plan.steps[0], plan, Safeguards())
        session._work._open = gone
        with pytest.raises(ApplyError, match="cannot connect to staging") as caught:
            session.run(plan.steps[1], plan, Safeguards())
    assert "002_two committed, but not confirmed to be on the server's disk" in caught.value.state
    assert "nothing was" not in caught.value.state
