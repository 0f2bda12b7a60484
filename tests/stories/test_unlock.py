"""Sessions that a killed run left behind: a waiting run reports whose they are, and one command terminates them."""

from __future__ import annotations

import os
import signal

import pytest

from ctgitops.core.activity.lock_holder import ALIVE_SECONDS
from ctgitops.core.run.progress import Progress
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.lock.run_lock import RUN_LOCK
from ctgitops.postgres.session import database
from ctgitops.postgres.session.database import PostgresDatabase
from ctgitops.wiring.wiring import Wiring
from tests.servers import fetch, run, session
from tests.stories.house import House, advisory_locks, marks, ours, runs, until

WHO = {"GITHUB_ACTOR": "anna", "GITHUB_RUN_ID": "77", "GITHUB_SERVER_URL": "https://github.com"}
WHO |= {"GITHUB_REPOSITORY": "constructtrack/database"}
AT_WORK = "select from pg_stat_activity where application_name ~ '^ctgitops/(apply|[0-9]+)$' and state <> 'idle'"
AT_WORK += " and datname = current_database()"
SILENT = f"select seen < clock_timestamp() - interval '{ALIVE_SECONDS} s' from ctgitops.lease"
RUN = "https://github.com/constructtrack/database/actions/runs/77"


@pytest.mark.slow
def test_a_run_that_stands_still_is_shown_and_ended(lived_in: House, database_url: str) -> None:
    until_told = "do $$ begin while not exists (select from pg_class where relname = 'go') loop"
    until_told += " perform pg_sleep(0.05); end loop; end $$;"
    lived_in.migration("002_two", f"{until_told} create table two ();")
    still = lived_in.start("apply", "--env", "staging", environ=WHO)
    until(lambda: runs(database_url, "pg_sleep"))
    os.kill(still.process.pid, signal.SIGSTOP)
    try:
        at_work = lived_in.run("unlock", "--env", "staging", "--end")
        assert (at_work.status, "is busy (active for" in at_work.words) == (5, True), at_work.said
        run(database_url, "create table go ()")
        until(lambda: not fetch(database_url, AT_WORK))
        waits = lived_in.run("apply", "--env", "staging", "--wait", "0")
        assert (waits.status, "ctgitops unlock --env staging" in waits.words) == (5, True)
        assert f"run by anna; at 002_two; {RUN}" in waits.words

        assert "run by anna" in lived_in.run("unlock", "--env", "staging").words
        assert advisory_locks(database_url)
        alive = lived_in.run("unlock", "--env", "staging", "--end")
        assert (alive.status, "is alive (its run reported" in alive.words) == (5, True), alive.said
        until(lambda: fetch(database_url, SILENT) == [(True,)])
        ended = lived_in.run("unlock", "--env", "staging", "--end")
        assert ended.status == 0, ended.said
        assert ended.out.startswith("terminated the run that held the run lock of staging")
        assert ours(database_url) == []
        assert not advisory_locks(database_url)
    finally:
        os.kill(still.process.pid, signal.SIGCONT)
    assert still.ended().status == 0, "what it had to do was done"
    assert lived_in.applied().status == 0
    assert marks(database_url).count("002_two applied") == 1


@pytest.mark.slow
def test_a_lock_that_somebody_else_holds_is_theirs(lived_in: House, database_url: str) -> None:
    with session(database_url) as other:
        other.execute("select pg_advisory_lock(%s)", [RUN_LOCK])
        refused = lived_in.run("unlock", "--env", "staging", "--end-at-work")
        assert (refused.status, "ctgitops terminates only its own sessions" in refused.words) == (5, True), refused.said
        assert advisory_locks(database_url)
    assert lived_in.run("unlock", "--env", "staging").out == "the run lock of staging is free\n"


def test_the_lease_says_who_and_since_when_and_that_it_ended(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();")
    assert lived_in.run("apply", "--env", "staging", environ=WHO).status == 0
    lease = "select actor, run_url, ended >= since from ctgitops.lease"
    assert fetch(database_url, lease) == [("anna", RUN, True)]


def test_a_run_whose_sessions_are_idle_is_not_ended_while_it_is_alive(
    lived_in: House, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while its backup is proved on another server. Seen to fail without the fix: it was ended, and called idle."""
    monkeypatch.setattr(database, "HEARTBEAT_SECONDS", 0.05)
    request = Wiring(lived_in.root, lived_in.secrets).request("staging")
    seen = "select seen, step from ctgitops.lease"
    with PostgresDatabase(Address(database_url, "staging")).exclusively(request, _nobody) as held:
        held.set_activity("its backup: restoring it")
        first = fetch(database_url, seen)
        until(lambda: fetch(database_url, seen)[0][0] != first[0][0])
        until(lambda: fetch(database_url, seen)[0][1] == "its backup: restoring it")
        shown = lived_in.run("unlock", "--env", "staging")
        assert "none of its sessions is busy; its run reported" in shown.words
        refused = lived_in.run("unlock", "--env", "staging", "--end")
        assert refused.status == 5, refused.said
        assert "is alive (its run reported" in refused.words
        assert "at its backup: restoring it" in refused.words
        assert "`ctgitops unlock --env staging --end-at-work`" in refused.words
        assert advisory_locks(database_url)


def _nobody(_progress: Progress) -> None:
    """Nobody hears what happens."""
