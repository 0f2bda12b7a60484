"""An approved plan is the one that the approver saw: the same database, and the same schema of what it touches."""

from __future__ import annotations

import json

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import fetch, run
from tests.stories.house import House, transaction

pytestmark = pytest.mark.slow

SQL = "alter table people add b int;"


def approved(house: House) -> str:
    return str(json.loads(house.plan("--format", "json").out)["fingerprint"])


def test_a_change_of_a_touched_table_asks_for_a_new_approval_and_others_do_not(house: House, database_url: str) -> None:
    """Seen to fail with the approval still valid after a column had been added by hand."""
    run(database_url, "create table people (id int); create table crews (id int)")
    house.migration("001_people", SQL)
    fingerprint = approved(house)
    run(database_url, "alter table crews add a int")
    assert approved(house) == fingerprint
    run(database_url, "alter table people add a int")
    done = house.apply("--fingerprint", fingerprint)
    assert done.status == 5, done.said
    assert "waits[fingerprint]" in done.out
    assert house.apply("--fingerprint", approved(house)).status == 0


def test_a_retry_stays_approved(house: House, database_url: str) -> None:
    run(database_url, "create table people (id int)")
    house.environment(
        "staging", database_url, "preflight: {long_transactions: ignore}\ntimeouts: {lock: 50ms, retry_for: 1s}\n"
    )
    house.migration("001_people", SQL)
    fingerprint = approved(house)
    with transaction(database_url, "lock table people"):
        assert house.apply("--fingerprint", fingerprint).status == 6
    assert approved(house) == fingerprint
    assert house.apply("--fingerprint", fingerprint).status == 0


def test_a_retry_of_an_index_that_was_half_built_stays_approved(house: House, database_url: str) -> None:
    run(database_url, "create table people (id int); insert into people values (1), (1)")
    house.migration("001_index", "create unique index concurrently i on people (id);")
    fingerprint = approved(house)
    assert house.apply("--fingerprint", fingerprint).status == 6
    run(database_url, "delete from people")
    assert house.apply("--fingerprint", fingerprint).status == 0


def test_another_database_is_another_plan(house: House, database_url: str, server: LocalServer) -> None:
    run(database_url, "create table people (id int)")
    house.migration("001_people", SQL)
    fingerprint = approved(house)
    other = server.create_database("another_home").url
    run(other, "create table people (id int)")
    house.environment("staging", other)
    assert approved(house) != fingerprint


def test_no_page_proposes_to_apply_a_plan_with_an_error_and_apply_says_that_it_ran_against_it(
    house: House, database_url: str
) -> None:
    """Seen to fail with `next: apply` below a plan that ended with 1, and an apply that did not mention the finding."""
    run(database_url, "create table people (id int)")
    house.policy("header: optional\n")
    house.migration("001_one", "select 1;")
    house.applied()
    house.migration("002_index", "create index i on people (id);")
    planned = house.plan()
    assert planned.status == 1, planned.said
    assert "HELD BACK by 1 finding of severity error" in planned.out
    assert "`ctgitops apply" not in planned.out
    assert "fingerprint" not in planned.out
    done = house.apply()
    assert done.status == 0, done.said
    assert "1 migration applied AGAINST 1 finding of severity error" in done.out
    for page in (planned.out, done.out):
        assert "error[blocking-index]" in page
    assert fetch(database_url, "select count(*) from pg_indexes where tablename = 'people'") == [(1,)]
    assert house.run("verify").status == house.run("status").status == 0


def test_an_approval_from_before_a_rollback_is_not_valid_again(house: House, database_url: str) -> None:
    run(database_url, "create table people (id int)")
    house.migration("001_people", SQL, down="alter table people drop b;")
    fingerprint = approved(house)
    assert house.apply("--fingerprint", fingerprint).status == 0
    undone = house.run("rollback", "--env", "staging", "--steps", "1", "--accept-data-loss", "001_people")
    assert undone.status == 0, undone.said
    assert house.run("repair", "001", "--env", "staging", "--again", "--reason", "it was a test").status == 0
    assert house.apply("--fingerprint", fingerprint).status == 5
    assert house.apply("--fingerprint", approved(house)).status == 0


def test_a_new_partition_that_drift_ignores_is_not_a_new_plan(house: House, database_url: str) -> None:
    run(database_url, "create table people (id int) partition by range (id)")
    run(database_url, "create view people_p2_view as select 1 as a")
    house.environment("staging", database_url, 'drift: {ignore: ["public.people_p*"]}\n')
    house.migration("001_people", f"{SQL} -- people_p1")
    fingerprint = approved(house)
    run(database_url, "create table people_p1 partition of people for values from (1) to (2)")
    assert house.apply("--fingerprint", fingerprint).status == 0
