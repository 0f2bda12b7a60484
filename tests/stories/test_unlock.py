"""Sessions that a killed run left behind: a waiting run reports whose they are, and one command terminates them."""

from __future__ import annotations

import os
import signal

import pytest

from ctgitops.postgres.lock import RUN_LOCK
from tests.servers import fetch, run, session
from tests.stories.house import House, advisory_locks, marks, ours, runs, until

WHO = {"GITHUB_ACTOR": "anna", "GITHUB_RUN_ID": "77", "GITHUB_SERVER_URL": "https://github.com"}
WHO |= {"GITHUB_REPOSITORY": "constructtrack/database"}
AT_WORK = "select from pg_stat_activity where application_name ~ '^ctgitops/(apply|[0-9]+)$' and state <> 'idle'"
AT_WORK += " and datname = current_database()"
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
        assert (at_work.status, "is at work, active for" in at_work.words) == (5, True), at_work.said
        run(database_url, "create table go ()")
        until(lambda: not fetch(database_url, AT_WORK))
        waits = lived_in.run("apply", "--env", "staging", "--wait", "0")
        assert waits.status == 5
        assert f"run by anna; {RUN}" in waits.words
        assert "ctgitops unlock --env staging" in waits.words

        shown = lived_in.run("unlock", "--env", "staging")
        assert (shown.status, "run by anna" in shown.words) == (0, True), shown.said
        assert advisory_locks(database_url)
        ended = lived_in.run("unlock", "--env", "staging", "--end")
        assert ended.status == 0, ended.said
        assert ended.out.startswith("ended the run that held the lock of staging")
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
        assert (refused.status, "nobody else's session is ended" in refused.words) == (5, True), refused.said
        assert advisory_locks(database_url)
    assert lived_in.run("unlock", "--env", "staging").out == "nobody holds the lock of staging\n"


def test_the_lease_says_who_and_since_when_and_that_it_ended(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();")
    assert lived_in.run("apply", "--env", "staging", environ=WHO).status == 0
    lease = "select actor, run_url, ended >= since from ctgitops.lease"
    assert fetch(database_url, lease) == [("anna", RUN, True)]
