"""An existing database is taken over after a proof that its schema equals that of the files."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.servers import fetch, run
from tests.stories.house import House, facts, marks

USERS = "create table public.users (id bigint primary key, email text not null);"
INDEX = "create index users_email on public.users (email);"


@pytest.fixture
def living(house: House, database_url: str) -> str:
    """A database that got its schema before anybody heard of ctgitops."""
    run(database_url, INDEX.replace("create index", f"{USERS} create index"))
    house.environment("staging", database_url)
    house.migration("001_users", USERS, down="drop table public.users;")
    house.migration("002_index", INDEX)
    house.migration("003_more", "create table public.more (id int);")
    return database_url


def baseline(house: House, *arguments: str) -> tuple[int, str]:
    done = house.run("baseline", "--env", "staging", *arguments)
    return done.status, done.words


@pytest.mark.slow
def test_p21_what_is_proved_is_taken_over_and_apply_goes_on_from_there(house: House, living: str) -> None:
    status, said = baseline(house, "--at", "2")
    assert (status, "staging: baselined with 2 migrations, 001_users to 002_index" in said) == (0, True), said
    assert marks(living) == ["baseline baselined", "001_users baselined", "002_index baselined"]
    assert fetch(
        living, "select rollback_sql is not null, actor is not null, error from ctgitops.ledger where number = 1"
    ) == [(True, True, "verified: the schema equals the schema of the files")]
    house.applied()
    assert house.run("drift").status == 0
    assert house.run("status").status == 0


@pytest.mark.slow
def test_differences_hold_it_back_are_shown_and_change_nothing(house: House, living: str) -> None:
    run(living, "alter table users add by_hand int")
    before = facts(living)
    status, said = baseline(house, "--at", "2")
    assert status == 1
    assert "NOT BASELINED: 1 difference" in said
    assert "column by_hand: integer" in said
    assert facts(living) == before
    assert marks(living) == []


@pytest.mark.slow
def test_a_number_too_high_or_too_low_is_told_by_what_differs(house: House, living: str) -> None:
    assert "- table public.more" in baseline(house, "--at", "3")[1]
    assert "+ index public.users_email" in baseline(house, "--at", "1")[1]
    assert marks(living) == []


@pytest.mark.slow
def test_accepted_differences_are_on_record_and_no_drift_until_they_change(house: House, living: str) -> None:
    run(living, "alter table users add by_hand int")
    status, said = baseline(house, "--at", "2", "--accept-differences", "the ERP writes it")
    assert status == 0
    assert "the ERP writes it" in said
    assert fetch(living, "select distinct error from ctgitops.ledger") == [("the ERP writes it",)]
    looked = house.run("drift")
    assert (looked.status, "1 difference accepted by its baseline" in looked.out) == (0, True), looked.said
    run(living, "alter table users alter by_hand type bigint")
    assert house.run("drift").status == 1


@pytest.mark.slow
def test_a_baseline_that_was_broken_off_is_gone_on_with(house: House, living: str) -> None:
    assert baseline(house, "--at", "2")[0] == 0
    run(living, "create table public.more (id int)")
    assert baseline(house, "--at", "3")[0] == 0
    assert [mark for mark in marks(living) if not mark.startswith("baseline ")] == [
        "001_users baselined",
        "002_index baselined",
        "003_more baselined",
    ]
    assert house.run("drift").status == 0


@pytest.mark.slow
def test_a_database_with_a_history_is_not_taken_over(house: House, database_url: str) -> None:
    house.environment("staging", database_url)
    house.migration("001_users", USERS)
    house.applied()
    status, said = baseline(house, "--at", "1")
    assert status == 4
    assert "001_users applied" in said


def test_a_number_without_a_file_is_told(house: House, living: str) -> None:  # noqa: ARG001
    status, said = baseline(house, "--at", "7")
    assert status == 2
    assert "migration `7` was not found among the files" in said
    assert "migrations: 001_" in said


@pytest.mark.slow
def test_timestamps_of_an_adopted_history_are_numbers_like_others(house: House, database_url: str) -> None:
    house.policy("numbering: increasing\nheader: optional\n")
    house.environment("staging", database_url)
    house.migration("20260112093000_users", USERS)
    run(database_url, USERS)
    assert baseline(house, "--at", "20260112093000")[0] == 0
    plan = house.run("plan", "--env", "staging", "--format", "json").json
    assert (plan["steps"], plan["blocked"]) == ([], False)


@pytest.mark.slow
def test_as_data_it_is_one_document(house: House, living: str) -> None:  # noqa: ARG001
    done = house.run("baseline", "--env", "staging", "--at", "2", "--format", "json")
    assert done.json["baselined"] == ["001_users", "002_index"]


def followed(said: str) -> list[str]:
    """The arguments of the baseline that a page proposes, as a person copies them."""
    command = re.search(r"`(ctgitops baseline [^`]*)`", said)
    assert command, said
    return shlex.split(command[1])[1:]


@pytest.mark.parametrize("shadow", ["shadow: none\n", pytest.param("shadow: {}\n", marks=pytest.mark.slow)])
def test_a_first_plan_proposes_the_baseline_which_works_when_it_is_followed(
    house: House, living: str, shadow: str
) -> None:
    house.environment("staging", living, shadow)
    looked = house.plan()
    assert "already-there" in looked.out
    tried = shadow != "shadow: none\n"
    if tried:
        assert looked.status == 3
        assert "the schema of staging already matches the files up to 002_index" in looked.words
        assert "correct the file" not in looked.words
    arguments = followed(looked.words)
    if tried:
        assert arguments == ["baseline", "--env", "staging", "--at", "2"]
        assert house.run(*arguments).status == 0
        house.applied()
        assert house.run("drift").status == 0


@pytest.mark.slow
def test_after_an_apply_that_met_its_tables_the_baseline_still_works(house: House, living: str) -> None:
    assert house.apply().status == 6
    house.environment("staging", living, "shadow: {}\n")
    assert house.run(*followed(house.plan().words)).status == 0
    house.applied()


@pytest.mark.slow
def test_differences_are_counted_and_what_changes_no_schema_is_named(house: House, living: str) -> None:
    house.environment("staging", living, "shadow: {}\n")
    run(living, "alter table users add by_hand int")
    house.migration("003_rows", "insert into public.users values (1, 'x');")
    house.remove("003_more")
    looked = house.plan()
    assert "most similar to the schema of the files up to 002_index, with 1 difference" in looked.words
    assert "The schema does not show whether 003_rows ran" in looked.words
    arguments = followed(looked.words)
    assert house.run(*arguments).status == 1
    assert house.run(*arguments, "--accept-differences", "the ERP writes it").status == 0
    assert house.run("drift").status == 0


@pytest.mark.parametrize("there", ["", "create table other (a int)", "create table users (id int)"])
def test_a_database_without_these_tables_gets_no_proposal(house: House, database_url: str, there: str) -> None:
    run(database_url, there)
    house.migration("001_users", "create table app.users (id int); create table more (id int);")
    assert "already-there" not in house.plan().out
