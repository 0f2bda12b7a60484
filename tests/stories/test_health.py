"""The health query of a manifest: if it is not true, it prevents an apply, or rolls one back afterwards."""

from __future__ import annotations

import pytest

from tests.servers import fetch, run
from tests.stories.house import House, Running, facts, has, marks, until

pytestmark = pytest.mark.slow
APPLY = ("apply", "--env", "staging")
HEALTH = "health: {{query: select bool_and(fine) from public.app, within: {within}, every: 1s}}\n"


@pytest.fixture
def watched(lived_in: House, database_url: str) -> House:
    run(database_url, "create table app (fine boolean); insert into app values (true)")
    lived_in.environment("staging", database_url, HEALTH.format(within="3s"))
    lived_in.migration("002_two", "create table two (id int);", down="drop table two;")
    lived_in.migration("003_three", "create table three ();", down="drop table three;")
    return lived_in


def watches(url: str) -> bool:
    """All is applied, and the health query was asked."""
    return bool(fetch(url, "select from ctgitops.lease where step = 'all is applied; watching the health query'"))


def watching(house: House, url: str, more: str = "") -> Running:
    house.environment("staging", url, HEALTH.format(within="60s") + more)
    running = house.start(*APPLY)
    until(lambda: marks(url)[-1] == "003_three applied" and watches(url))
    return running


def test_it_is_watched_for_as_long_as_the_manifest_says(watched: House) -> None:
    done = watched.applied()
    assert "health: well; checked for another" in done.err
    assert "the health query stayed true for 3 s" in done.out
    watched.migration("004_four", "create table four ();")
    assert "health query checked for 3 s after the last migration" in watched.plan().out


def test_what_is_not_well_before_is_not_touched(watched: House, database_url: str) -> None:
    run(database_url, "update app set fine = false")
    before = facts(database_url)
    refused = watched.apply()
    assert refused.status == 5, refused.said
    assert "waits[health]: staging is unhealthy before the apply: its health query returned f" in refused.out
    run(database_url, "alter table app rename to app_was")
    refused = watched.apply()
    assert refused.status == 5, refused.said
    assert 'the health query of staging could not run: relation "public.app" does not exist' in refused.out
    run(database_url, "alter table app_was rename to app; update app set fine = true; update app set fine = false")
    assert facts(database_url) == before
    assert marks(database_url) == ["001_one applied"]


def test_it_turns_false_and_the_run_fails(watched: House, database_url: str) -> None:
    running = watching(watched, database_url)
    run(database_url, "update app set fine = false")
    done = running.ended()
    assert done.status == 6, done.said
    assert "the health query of staging is no longer true: it returned f instead of true" in done.words
    assert "--> environments/staging.yaml:4" in done.err
    assert "state: 002_two, 003_three applied in staging" in done.err
    assert "`ctgitops rollback --env staging --steps 2` rolls back this run" in done.err
    assert has(database_url, "three")


def test_it_turns_false_and_the_run_is_taken_back(watched: House, database_url: str) -> None:
    running = watching(watched, database_url, "on_failure: rollback\n")
    run(database_url, "update app set fine = false")
    done = running.ended()
    assert done.status == 6, done.said
    assert "003_three and 002_two were rolled back, so nothing of this run is applied" in done.words
    assert marks(database_url)[-2:] == ["003_three rolled-back", "002_two rolled-back"]
    assert not has(database_url, "two")
    ((why,),) = fetch(database_url, "select distinct error from ctgitops.ledger where mark = 'rolled-back'")
    assert why == (
        "rolled back automatically: the health query of staging is no longer true: it returned f instead of true"
    )


def test_rows_that_came_in_while_it_was_watched_are_kept(watched: House, database_url: str) -> None:
    running = watching(watched, database_url, "on_failure: rollback\n")
    run(database_url, "insert into two values (1); update app set fine = false")
    done = running.ended()
    assert done.status == 6, done.said
    assert 'nothing of this run was rolled back: the rollback of 002_two drops table "two": 1 row' in done.words
    assert fetch(database_url, "select id from two") == [(1,)]


def test_an_error_is_not_an_answer(watched: House, database_url: str) -> None:
    """Seen to fail with an error taken for not well: the run was taken back at once."""
    watched.environment("staging", database_url, HEALTH.format(within="4s") + "on_failure: rollback\n")
    running = watched.start(*APPLY)
    until(lambda: marks(database_url)[-1] == "003_three applied" and watches(database_url))
    run(database_url, "alter table app rename to app_was")
    done = running.ended()
    assert done.status == 6, done.said
    assert "health: not known: relation" in done.err
    assert "the health query of staging could not run at the end of the 4 s" in done.words
    assert marks(database_url)[-1] == "003_three applied"


def test_an_error_that_passes_is_forgotten(watched: House, database_url: str) -> None:
    watched.environment("staging", database_url, HEALTH.format(within="6s"))
    running = watched.start(*APPLY)
    until(lambda: marks(database_url)[-1] == "003_three applied" and watches(database_url))
    run(database_url, "alter table app rename to app_was; select pg_sleep(1.5)")
    run(database_url, "alter table app_was rename to app")
    done = running.ended()
    assert done.status == 0, done.said


@pytest.mark.parametrize("stop", [Running.ctrl_c, Running.terminate], ids=["Ctrl-C", "SIGTERM"])
def test_asked_to_stop_while_it_watches(watched: House, database_url: str, stop: object) -> None:
    running = watching(watched, database_url, "on_failure: rollback\n")
    stop(running)  # type: ignore[operator]
    done = running.ended(5)
    assert done.status == 6, done.said
    assert "the run was interrupted during the health check of staging" in done.words
    assert "002_two, 003_three applied in staging; the health check was not completed" in done.words
    assert marks(database_url)[-1] == "003_three applied"
    assert "up to date" in watched.applied().out


def test_it_cannot_write_and_holds_nothing(watched: House, database_url: str) -> None:
    watched.environment("staging", database_url, "health: {query: select public.count_me()}\n")
    run(
        database_url,
        "create table counted (); create function count_me() returns boolean language plpgsql as "
        "$$ begin insert into counted default values; return true; end $$",
    )
    refused = watched.apply()
    assert refused.status == 5, refused.said
    assert "the health query of staging could not run: cannot execute INSERT in a read-only" in refused.words
    watched.environment("staging", database_url, "health: {query: select pg_sleep(60) is null}\n")
    refused = watched.apply()
    assert refused.status == 5, refused.said
    assert "canceling statement due to statement timeout" in refused.words
