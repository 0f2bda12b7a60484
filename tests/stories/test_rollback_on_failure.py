"""`on_failure: rollback` reverts what a failed run applied, unless that would destroy data that others wrote."""

from __future__ import annotations

import json
from collections.abc import Callable

import jsonschema
import pytest

from tests.report.test_json import schema
from tests.servers import fetch, run, session
from tests.stories.house import House, Run, Running, facts, has, marks, ours, until

pytestmark = pytest.mark.slow
BACK = "on_failure: rollback\n"
APPLY = ("apply", "--env", "staging")


@pytest.fixture
def back(lived_in: House, database_url: str) -> House:
    """Two migrations that can be undone, and one that fails."""
    lived_in.environment("staging", database_url, BACK)
    lived_in.migration(
        "002_two",
        "create table two (id int);\ninsert into two values (1);\nalter table one add column word text default 'w';",
        down="drop table two;\nalter table one drop column word;",
    )
    lived_in.migration("003_three", "create table three ();", down="drop table three;")
    lived_in.migration("004_four", "create table four ();\nselect 1 / 0;")
    return lived_in


def ledger_errors(url: str) -> list[object]:
    return [row[0] for row in fetch(url, "select error from ctgitops.ledger where mark = 'rolled-back' order by id")]


def results(url: str) -> list[tuple[object, ...]]:
    """What a database is, without what PostgreSQL keeps of a dropped column."""
    return [fact for fact in facts(url) if fact[0] == "rows" or "pg.dropped" not in str(fact)]


def sleeps(url: str) -> bool:
    return bool(fetch(url, "select from pg_stat_activity where wait_event = 'PgSleep'"))


def failed(house: House, *arguments: str) -> Run:
    done = house.apply(*arguments)
    assert done.status == 6, done.said
    return done


def test_all_of_the_run_is_taken_back_newest_first(back: House, database_url: str) -> None:
    """The rows and values that 002 wrote itself are no reason to refuse, though nobody else could get them back."""
    before = results(database_url)
    done = failed(back)
    assert "error[apply]: 004_four: division by zero" in done.err
    assert "003_three and 002_two were rolled back, so nothing of this run is applied" in done.words
    assert "staging: 2 to roll back, rolled back automatically: 004_four: division by zero" in done.words
    assert results(database_url) == before
    assert marks(database_url) == [
        "001_one applied",
        "002_two applied",
        "003_three applied",
        "004_four failed",
        "003_three rolled-back",
        "002_two rolled-back",
    ]
    assert ledger_errors(database_url) == ["rolled back automatically: 004_four: division by zero"] * 2
    back.migration("004_four", "create table four ();")
    back.applied()
    assert has(database_url, "four")


def test_the_json_says_what_was_applied_and_what_was_taken_back(back: House) -> None:
    told = json.loads(failed(back, "--format", "json").out)
    jsonschema.Draft202012Validator(schema("error")).validate(told)
    assert told["error"]["applied"] == ["002_two", "003_three"]
    assert told["error"]["taken_back"] == ["003_three", "002_two"]
    assert told["error"]["exit_status"] == 6


@pytest.mark.parametrize(
    "writes",
    ["insert into two values (2)", "update one set word = 'mine'", "insert into one values (7)"],
    ids=["a row", "a value", "a row with a value"],
)
def test_what_somebody_wrote_since_is_not_destroyed(back: House, database_url: str, writes: str) -> None:
    """Seen to fail with the ages of rows compared the other way round."""
    back.migration("003_three", "create table three ();\nselect pg_sleep(2);", down="drop table three;")
    running = back.start(*APPLY)
    until(lambda: sleeps(database_url))
    run(database_url, writes)
    done = running.ended()
    assert done.status == 6, done.said
    assert "nothing of this run was rolled back: the rollback of 002_two drops" in done.words
    assert "(not written by this run)" in done.words
    assert "`ctgitops rollback --env staging --steps 2 --dry-run` shows what a rollback would do" in done.words
    assert marks(database_url)[-1] == "004_four failed"
    assert has(database_url, "two")
    assert has(database_url, "three")


def test_a_row_written_at_the_last_moment_is_seen_by_the_guard(back: House, database_url: str) -> None:
    """It is committed after the count and before the lock. Seen to fail without the guard: the row was gone."""
    back.migration("003_three", "create table three ();\nselect pg_sleep(2);", down="drop table three;")
    running = back.start(*APPLY)
    until(lambda: sleeps(database_url))
    with session(database_url) as somebody:
        somebody.execute("begin; insert into two values (2)")
        until(lambda: marks(database_url)[-1] == "003_three rolled-back")
        somebody.execute("commit")
    done = running.ended()
    assert done.status == 6, done.said
    assert (
        '003_three was rolled back, then the rollback failed: 002_two: "two" holds rows that were not written'
        in done.words
    )
    assert "still applied: 002_two" in done.words
    assert fetch(database_url, "select id from two order by id") == [(1,), (2,)]


def test_one_without_a_way_back_keeps_them_all(back: House, database_url: str) -> None:
    back.migration("003_three", "create table three ();")
    (back.root / "migrations/003_three.down.sql").unlink()
    done = failed(back)
    assert "nothing of this run was rolled back: 003_three is IRREVERSIBLE" in done.words
    assert marks(database_url)[-1] == "004_four failed"


def test_a_rollback_that_fails_says_what_is_applied_still(back: House, database_url: str) -> None:
    back.migration("002_two", "create table two ();", down="drop table two;\nselect 1 / 0;")
    done = failed(back)
    assert "003_three was rolled back, then the rollback failed: 002_two: division by zero" in done.words
    assert "002_two left no trace); still applied: 002_two" in done.words
    assert has(database_url, "two")
    assert not has(database_url, "three")
    assert marks(database_url)[-2:] == ["003_three rolled-back", "002_two failed"]


def test_earlier_runs_are_left_alone(back: House, database_url: str) -> None:
    back.applied("--to", "2")
    run(database_url, "insert into two values (5)")
    done = failed(back)
    assert "003_three was rolled back, so nothing of this run is applied" in done.words
    assert marks(database_url)[-3:] == ["003_three applied", "004_four failed", "003_three rolled-back"]
    assert has(database_url, "two")


def test_who_is_asked_to_stop_takes_nothing_back(back: House, database_url: str) -> None:
    back.migration("004_four", "select pg_sleep(60);")
    running = back.start(*APPLY)
    until(lambda: sleeps(database_url))
    running.terminate()
    done = running.ended(5)
    assert done.status == 6, done.said
    assert marks(database_url)[-1] == "004_four interrupted"
    assert has(database_url, "three")


def test_outside_a_transaction_too(back: House, database_url: str) -> None:
    """One that is done is undone; one whose verify query is not true, after its statements are, as well."""
    index = "create index concurrently i on one (id);"
    back.migration("003_three", index, down="drop index concurrently i;")
    before = results(database_url)
    done = failed(back)
    assert "003_three and 002_two were rolled back" in done.words
    assert results(database_url) == before
    back.migration("003_three", index, down="drop index concurrently i;", verify="select false;")
    done = failed(back)
    assert "003_three: a verify query returned f instead of true" in done.words
    assert "003_three and 002_two were rolled back, so nothing of this run is applied" in done.words
    assert results(database_url) == before
    assert marks(database_url)[-5:] == [
        "003_three started",
        "003_three failed",
        "003_three repaired",
        "003_three rolled-back",
        "002_two rolled-back",
    ]


def test_what_is_half_done_outside_a_transaction_is_not_guessed_at(back: House, database_url: str) -> None:
    back.migration("003_three", "create index concurrently i on one (id);\nselect 1 / 0;", down="drop index i;")
    done = failed(back)
    assert "nothing of this run was rolled back: 003_three is unfinished" in done.words
    assert has(database_url, "two")


def test_all_of_it_in_one_transaction_has_nothing_to_take_back(back: House, database_url: str) -> None:
    back.environment("staging", database_url, f"{BACK}transaction: all\n")
    before = results(database_url)
    done = failed(back)
    assert "shared a transaction, which was rolled back" in done.words
    assert "of this run" not in done.words
    assert results(database_url) == before


def test_only_what_was_just_applied_is_verified(lived_in: House) -> None:
    lived_in.migration("002_two", "create table two ();", verify="select to_regclass('two') is not null;")
    lived_in.applied()
    lived_in.migration("003_three", "drop table two;", verify="select to_regclass('two') is null;")
    lived_in.migration("004_four", "create table four ();", verify="select to_regclass('four') is not null;")
    lived_in.applied()


@pytest.mark.parametrize("stop", [Running.kill, Running.terminate], ids=["kill -9", "SIGTERM"])
def test_stopped_while_it_takes_back(back: House, database_url: str, stop: Callable[[Running], None]) -> None:
    """What is undone is undone with its entry, what is not is applied, and the next run continues from there."""
    back.migration("002_two", "create table two ();", down="drop table two;\nselect pg_sleep(60);")
    running = back.start(*APPLY)
    until(lambda: sleeps(database_url))
    stop(running)
    done = running.ended(5)
    assert done.status in {6, -9}, done.said
    if done.status == 6:
        assert "003_three was rolled back, then the rollback failed: 002_two: the run was asked to stop" in done.words
        assert "still applied: 002_two" in done.words
    until(lambda: not ours(database_url))
    assert [mark for mark in marks(database_url) if mark.endswith("rolled-back")] == ["003_three rolled-back"]
    assert has(database_url, "two")
    assert not has(database_url, "three")
    back.migration("004_four", "create table four ();")
    back.applied()
    assert has(database_url, "three")
