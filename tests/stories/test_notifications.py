"""Receivers are told of each result of a run, and never change it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.notify.receiver import Heard, serving
from tests.servers import run
from tests.stories.house import House, runs, transaction, until

WEBHOOK = 'notify: [{webhook: "${HOOK_URL}"}]\n'


@pytest.fixture
def heard(house: House, database_url: str) -> Iterator[Heard]:
    with serving() as found:
        house.environment("staging", database_url, WEBHOOK)
        house.secrets["HOOK_URL"] = f"{found.url}?key=hunter2hunter2"
        yield found


def last(heard: Heard) -> dict[str, object]:
    document: dict[str, object] = json.loads(heard.requests[-1][1])
    return document


@pytest.mark.slow
def test_each_result_is_sent_once(house: House, heard: Heard, database_url: str) -> None:
    house.migration("001_one", "create table one (id int);", down="drop table one;")
    assert house.plan().status == 0
    assert heard.requests == [], "a plan changes nothing"
    house.applied()
    assert (last(heard)["event"], last(heard)["facts"]) == ("applied", ["001_one"])
    house.applied()
    assert len(heard.requests) == 1, "a run without work is no news"
    run(database_url, "create table by_hand ()")
    assert house.run("drift", "--env", "staging").status == 1
    assert last(heard)["event"] == "drift"
    assert last(heard)["facts"] == ["+ table public.by_hand"]
    run(database_url, "drop table by_hand")
    assert house.run("rollback", "--env", "staging", "--steps", "1").status == 0
    assert last(heard)["event"] == "rolled-back"
    assert len(heard.requests) == 3


@pytest.mark.slow
def test_a_failure_comes_with_its_place_the_state_and_the_next_step(house: House, heard: Heard) -> None:
    house.migration("001_one", "create table one (id int);\ninsert into one values (1 / (random() * 0)::int);")
    done = house.apply()
    assert done.status == 6, done.said
    document = last(heard)
    assert document["event"] == "failed"
    assert "division by zero" in str(document["summary"])
    assert any("migrations/001_one.sql:2" in fact for fact in document["facts"]), document  # type: ignore[attr-defined]
    assert any(fact.startswith("database: ") for fact in document["facts"]), document  # type: ignore[attr-defined]
    assert document["next"]


@pytest.mark.slow
def test_a_lock_timeout_comes_with_the_session_in_the_way_and_the_command_to_repeat(
    house: House, heard: Heard, database_url: str
) -> None:
    house.environment(
        "staging", database_url, f"{WEBHOOK}timeouts: {{retry_for: 1s}}\npreflight: {{long_transactions: ignore}}\n"
    )
    run(database_url, "create table one (id int)")
    house.migration("001_one", "alter table one add column name text;")
    with transaction(database_url, "lock table one"):
        assert house.apply().status == 6
    facts = last(heard)["facts"]
    assert facts[0] == "command: `ctgitops apply --env staging`"  # type: ignore[index]
    assert any(fact.startswith("backend ") and "public.one" in fact for fact in facts), facts  # type: ignore[attr-defined]


def test_a_drill_that_fails_is_told(house: House, heard: Heard, database_url: str) -> None:
    house.environment("staging", database_url, f"{WEBHOOK}backup: {{scope: database, to: {house.root}/none}}\n")
    done = house.run("backup", "drill", "--env", "staging")
    assert done.status == 7, done.said
    assert last(heard)["event"] == "drill"
    assert "database: unchanged" in str(last(heard)["facts"])


@pytest.mark.slow
def test_a_plan_that_is_refused_is_a_failure_too(house: House, heard: Heard) -> None:
    house.migration("001_one", "create table one (id int")
    assert house.apply().status == 3
    assert last(heard)["event"] == "failed"


@pytest.mark.slow
@pytest.mark.parametrize("status", [500, 302])
def test_a_receiver_that_refuses_is_a_warning_without_its_url(house: House, heard: Heard, status: int) -> None:
    heard.status = status
    house.migration("001_one", "create table one (id int);")
    done = house.applied()
    assert "warning[not-notified]: the notification to HOOK_URL was not sent" in done.err
    assert "hunter2" not in done.said
    assert house.run("notify", "--test", "--env", "staging").status == 1


def test_the_test_says_who_was_reached(house: House, heard: Heard) -> None:
    heard.status = 204
    done = house.run("notify", "--test", "--env", "staging")
    assert (done.status, done.out) == (0, "staging: HOOK_URL: sent\n")
    del house.secrets["HOOK_URL"]
    done = house.run("notify", "--test", "--env", "staging")
    assert done.status == 1
    assert "the variable HOOK_URL is not set" in done.out
    house.write("environments/staging.yaml", 'environment: staging\ndatabase: {url: "${STAGING_URL}"}\n')
    done = house.run("notify", "--test")
    assert done.status == 2
    assert "no receivers are defined for staging" in done.err


@pytest.mark.slow
@pytest.mark.parametrize("stop", ["kill", "terminate"])
def test_an_interrupted_run_is_told_by_the_next_run_once(
    house: House, heard: Heard, database_url: str, stop: str
) -> None:
    house.migration("001_one", "create table one (id int);\nselect pg_sleep(30);")
    at_work = house.start("apply", "--env", "staging", environ={"GITHUB_ACTOR": "anna"})
    until(lambda: runs(database_url, "pg_sleep"))
    getattr(at_work, stop)()
    at_work.ended()
    assert heard.requests == []
    run(database_url, "select pg_terminate_backend(pid) from pg_stat_activity where query ~ 'pg_sleep' "
                      "and pid <> pg_backend_pid() and datname = current_database()")  # fmt: skip
    house.migration("001_one", "create table one (id int);")
    house.applied()
    events = [json.loads(body) for _, body in heard.requests]
    assert sorted(each["event"] for each in events) == ["applied", "failed"]
    (told,) = (each for each in events if each["event"] == "failed")
    assert "INTERRUPTED: the run of anna, which began on" in told["summary"]
    assert "ended without a result at 001_one" in told["summary"]
    house.migration("002_two", "create table two (id int);")
    house.applied()
    assert [json.loads(body)["event"] for _, body in heard.requests[2:]] == ["applied"], "the next run tells it once"
