"""`verify`: what it finds, and that it is read-only."""

from __future__ import annotations

import pytest

from tests.servers import run
from tests.stories.house import House, facts

SECURED = "create table public.users (id bigint primary key, email text); alter table users enable row level security;"


@pytest.fixture
def sound(house: House, database_url: str) -> str:
    house.environment("staging", database_url)
    house.migration("001_users", SECURED, verify="select to_regclass('public.users') is not null;")
    house.migration("002_index", "create index users_email on public.users (email);")
    house.applied()
    return database_url


def codes(house: House, *arguments: str) -> tuple[int, list[str]]:
    looked = house.run("verify", "--env", "staging", "--format", "json", *arguments)
    return looked.status, [finding["code"] for finding in looked.json["environments"][0]["findings"]]


def test_what_is_sound_is_said_to_be_and_nothing_is_changed(house: House, sound: str) -> None:
    before = facts(sound)
    looked = house.run("verify")
    assert (looked.status, looked.out) == (0, "staging: matches its ledger (2 migrations, 1 verify file)\n")
    assert facts(sound) == before


@pytest.mark.slow
def test_a_verify_query_that_is_no_longer_true_is_found(house: House, sound: str) -> None:
    run(sound, "alter table users rename to people")
    looked = house.run("verify")
    assert looked.status == 1
    assert "error[verify-failed]: a verify query returned f instead of true" in looked.out
    assert "migrations/001_users.verify.sql:1" in looked.out


@pytest.mark.slow
def test_a_verify_query_can_change_nothing(house: House, sound: str) -> None:
    house.write("migrations/001_users.verify.sql", "insert into public.users values (1) returning true;\n")
    before = facts(sound)
    looked = house.run("verify")
    assert looked.status == 1
    assert "read-only transaction" in looked.out
    assert facts(sound) == before


@pytest.mark.slow
def test_edited_and_missing_files_are_found(house: House, sound: str) -> None:  # noqa: ARG001
    house.migration("001_users", SECURED + " -- more")
    house.remove("002_index")
    status, found = codes(house)
    assert status == 1
    assert {"edited", "missing"} <= set(found)


@pytest.mark.slow
def test_a_ledger_that_was_tampered_with_is_found(house: House, sound: str) -> None:
    run(
        sound,
        "alter table ctgitops.ledger disable trigger all; update ctgitops.ledger set actor = 'x' where id = 1;"
        "alter table ctgitops.ledger enable trigger all",
    )
    assert codes(house) == (1, ["ledger-tampered"])


@pytest.mark.slow
def test_what_the_catalogue_says_is_not_whole_is_found(house: House, sound: str) -> None:
    run(
        sound,
        "set allow_system_table_mods = on; update pg_index set indisvalid = false "
        "where indexrelid = 'users_email'::regclass; alter table users add check (id > 0) not valid; "
        "create table public.open (id int); create schema app; create table app.hidden (id int)",
    )
    assert codes(house) == (1, ["invalid-index", "not-validated", "no-row-security"])


@pytest.mark.slow
def test_the_help_makes_an_invalid_index_of_a_partitioned_table_valid(house: House, sound: str) -> None:
    """Seen to fail with REINDEX INDEX CONCURRENTLY, after which such an index is as INVALID as before."""
    run(
        sound,
        "create table p (id int, k int) partition by list (k); create table p1 partition of p for values in (1);"
        "create index p_id on only p (id); alter table p enable row level security;"
        "alter table p1 enable row level security",
    )
    looked = house.run("verify")
    assert "ALTER INDEX public.p_id ATTACH PARTITION" in looked.words, looked.said
    assert "CREATE INDEX CONCURRENTLY on each partition that lacks one" in looked.words
    run(sound, "create index concurrently p1_id on p1 (id)")
    run(sound, "alter index public.p_id attach partition p1_id")
    assert codes(house) == (0, [])


@pytest.mark.slow
@pytest.mark.parametrize("constant", ["true", "1", "'x'::text", "id is not null"])
def test_a_unique_index_on_a_constant_is_looked_at_deeply(house: House, sound: str, constant: str) -> None:
    """A table of one row. Seen to fail: `not-checked`, since GROUP BY takes no constant."""
    run(
        sound,
        f"create table one_row (id int); alter table one_row enable row level security;"
        f"create unique index one_row_only on one_row (({constant})); insert into one_row values (1)",
    )
    assert codes(house, "--deep") == (0, [])
    run(
        sound,
        "set allow_system_table_mods = on;"
        "update pg_index set indisready = false where indexrelid = 'one_row_only'::regclass",
    )
    run(sound, "insert into one_row values (2)")
    run(
        sound,
        "set allow_system_table_mods = on;"
        "update pg_index set indisready = true where indexrelid = 'one_row_only'::regclass",
    )
    assert codes(house, "--deep") == (1, ["rows-break-constraint"])


@pytest.mark.slow
def test_warnings_fail_only_where_they_shall(house: House, sound: str) -> None:
    run(sound, "create table public.open (id int)")
    assert codes(house)[0] == 1
    assert codes(house, "--fail-on", "error")[0] == 0
    house.policy("header: optional\nexposed_schemas: [api]\n")
    assert codes(house) == (0, [])


@pytest.mark.slow
def test_a_database_that_cannot_be_reached_is_no_sound_one(house: House, sound: str) -> None:
    house.environment("staging", sound.replace("port=5432", "port=5433"))
    looked = house.run("verify")
    assert (looked.status, "NOT CHECKED" in looked.out) == (4, True)


def test_a_database_without_a_ledger_is_not_as_its_ledger_says(house: House, database_url: str) -> None:
    house.environment("staging", database_url)
    house.migration("001_users", SECURED)
    status, found = codes(house)
    assert (status, found) == (1, ["no-ledger"])
    looked = house.run("verify")
    assert "staging has no ledger" in looked.words
    assert "matches its ledger" not in looked.out
    assert house.run("plan", "--env", "staging").status == 0  # the help, followed


def test_a_foreign_key_that_holds_no_longer_is_found_deeply(house: House, sound: str) -> None:
    run(
        sound,
        """create table orders (id int, buyer bigint references users); alter table orders enable row level security;
           set session_replication_role = replica; insert into orders values (1, 7)""",
    )
    assert codes(house) == (0, [])
    assert codes(house, "--deep") == (1, ["rows-break-constraint"])
    run(sound, "delete from orders")
    looked = house.run("verify", "--deep")
    assert looked.out == "staging: matches its ledger (2 migrations, 1 verify file, 3 constraints against the rows)\n"
