"""After a manual change to a database, `drift` reports what changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import fetch, run
from tests.stories.house import House, as_role, facts, runs, transaction, until

USERS = "create table public.users (id bigint primary key, email text not null);"


@pytest.fixture
def driving(house: House, database_url: str) -> str:
    house.environment("staging", database_url)
    house.migration("001_users", USERS, down="drop table public.users;")
    house.migration("002_index", "create index users_email on public.users (email);")
    house.applied()
    return database_url


@pytest.mark.slow
def test_an_index_made_by_hand_is_told_and_ends_with_one(house: House, driving: str) -> None:
    assert house.run("drift", "--env", "staging").status == 0
    run(driving, "create index by_hand on public.users (lower(email))")
    looked = house.run("drift", "--env", "staging")
    assert looked.status == 1
    assert "staging: DRIFT: 1 difference from the 2 migrations in the ledger" in looked.out
    assert "+     index public.by_hand: CREATE INDEX by_hand ON public.users USING btree (lower(email))" in looked.out


@pytest.mark.slow
def test_a_second_look_keeps_what_the_first_replayed(house: House, driving: str, tmp_path: Path) -> None:
    cached = {"CTGITOPS_CACHE": str(tmp_path / "cache")}
    assert house.run("drift", environ=cached).status == 0
    written = {path: path.stat().st_ino for path in (tmp_path / "cache").glob("replay-*")}
    run(driving, "create index by_hand on public.users (lower(email))")
    looked = house.run("drift", "--env", "staging", environ=cached)
    assert "staging: DRIFT: 1 difference from the 2 migrations in the ledger" in looked.out
    assert {path: path.stat().st_ino for path in (tmp_path / "cache").glob("replay-*")} == written != {}


@pytest.mark.slow
def test_looking_changes_nothing(house: House, driving: str) -> None:
    before = facts(driving)
    house.run("drift")
    house.run("snapshot", "--env", "staging")
    assert facts(driving) == before


@pytest.mark.slow
def test_what_somebody_dropped_and_altered_is_told_in_all_three_forms(house: House, driving: str) -> None:
    run(driving, "drop index users_email; alter table users alter email type varchar(50), enable row level security")
    looked = house.run("drift", "--env", "staging", "--format", "json")
    assert looked.status == 1
    (environment,) = looked.json["environments"]
    assert environment["drift"] is True
    assert [next(iter(change)) for change in environment["changes"]] == ["before", "before", "removed"]
    page = house.run("drift", "--format", "markdown").out
    assert "```diff\n" in page
    assert "-     column email: type text\n+     column email: type character varying(50)" in page
    assert "+   table public.users: row security enabled" in page


@pytest.mark.slow
def test_files_that_are_not_applied_yet_are_no_drift(house: House, driving: str) -> None:
    house.migration("003_more", "create table public.more (id int);")
    house.remove("002_index")
    assert house.run("drift").status == 0
    run(driving, "create table public.more (id int)")
    assert house.run("drift").status == 1


@pytest.mark.slow
def test_what_the_manifest_ignores_is_counted_and_no_drift(house: House, driving: str) -> None:
    house.environment("staging", driving, "drift: {ignore: ['public.events_p*', 'cron.*']}\n")
    run(driving, "create table public.events_p2026 (id int primary key); comment on table users is 'x'")
    looked = house.run("drift")
    assert looked.status == 1
    assert "1 difference from" in looked.out
    assert "3 differences ignored by its manifest" in looked.out
    run(driving, "comment on table users is null")
    assert house.run("drift").status == 0


@pytest.mark.slow
def test_a_database_that_cannot_be_reached_is_an_error_and_no_clean_one(house: House, driving: str) -> None:
    house.environment("broken", driving.replace("port=5432", "port=5433"))
    looked = house.run("drift")
    assert looked.status == 4
    assert "broken: NOT CHECKED, so drift is unknown" in looked.out
    assert "staging: no drift" in looked.out


@pytest.mark.slow
def test_a_ledger_that_does_not_run_again_is_an_error_and_no_clean_one(house: House, driving: str) -> None:
    run(driving, "create table public.from_elsewhere (id int)")
    house.migration("003_uses", "alter table public.from_elsewhere add a int;")
    house.applied()
    looked = house.run("drift", "--env", "staging")
    assert looked.status == 4
    assert 'relation "public.from_elsewhere" does not exist' in looked.words
    assert "migrations/003_uses.sql:1" in looked.words


@pytest.mark.slow
def test_what_only_a_superuser_may_do_and_roles_of_the_cluster_are_no_drift(house: House, database_url: str) -> None:
    run(database_url, "create role drift_reader; create role drift_owner")
    try:
        house.environment("staging", database_url)
        house.migration(
            "001_all",
            "create extension pg_trgm; create table t (id int primary key, a text); grant select on t to drift_reader;"
            "create table u (id int); alter table u owner to drift_owner; alter table t owner to postgres;"
            "create function e() returns event_trigger language plpgsql as 'begin end';"
            "create event trigger et on ddl_command_end execute function e();"
            "create policy p on t to drift_reader using (a = current_user);"
            "alter default privileges in schema public grant select on tables to drift_reader;",
        )
        house.migration("002_concurrently", "-- ctgitops: no-transaction\ncreate index concurrently i on t (a);")
        house.applied()
        looked = house.run("drift")
        assert looked.status == 0, looked.said
    finally:
        run(
            database_url,
            "drop table u, t; drop extension pg_trgm; drop owned by drift_reader, drift_owner; "
            "drop role drift_reader, drift_owner",
        )


@pytest.mark.slow
def test_objects_of_an_extension_that_no_migration_made_are_taken_as_given(house: House, database_url: str) -> None:
    run(database_url, "create extension pg_trgm")
    house.environment("staging", database_url)
    house.migration("001_index", "create table t (a text); create index i on t using gin (a gin_trgm_ops);")
    house.applied()
    looked = house.run("drift")
    assert looked.status == 0, looked.said
    assert "extension pg_trgm is not created by any migration, so it was installed first" in looked.out


@pytest.mark.slow
def test_the_search_path_of_the_role_that_applies_is_that_of_the_replay(house: House, database_url: str) -> None:
    name = fetch(database_url, "select current_database()")[0][0]
    run(database_url, f"create schema app; alter database {name} set search_path = app, public")
    house.environment("staging", database_url, "drift: {ignore: ['app']}\n")
    house.migration("001_t", "create schema if not exists app; create table t (id int);")
    house.applied()
    assert house.run("drift").status == 0


@pytest.mark.slow
def test_a_role_that_may_only_read_can_look(house: House, driving: str) -> None:
    run(
        driving,
        "create role drift_looker login; grant usage on schema ctgitops to drift_looker; "
        "grant select on all tables in schema ctgitops to drift_looker",
    )
    try:
        house.environment("staging", as_role(driving, "drift_looker"))
        looked = house.run("drift")
        assert looked.status == 0, looked.said
    finally:
        run(driving, "drop owned by drift_looker; drop role drift_looker")


@pytest.mark.slow
@pytest.mark.usefixtures("driving")
def test_diff_of_an_environment_a_file_and_the_migrations(house: House, make_database: Callable[[], str]) -> None:
    assert house.run("snapshot", "--env", "staging", "--out", "before.json").status == 0
    house.migration("003_more", "create table public.more (id int);")
    same = house.run("diff", "before.json", "staging")
    assert (same.status, same.out) == (0, "before.json and staging have the same schema\n")
    ahead = house.run("diff", "staging", "migrations")
    assert ahead.status == 1
    assert "2 differences: - staging, + migrations" in ahead.out
    assert "+   table public.more" in ahead.out
    house.environment("production", make_database())
    other = house.run("diff", "production", "staging", "--format", "json")
    assert other.status == 1
    assert {"added": {"kind": "table", "name": "public.users", "attributes": {"owner": "postgres"}}} in other.json[
        "changes"
    ]


@pytest.mark.slow
def test_diff_of_two_environments_compares_roles_and_settings(
    house: House, driving: str, make_database: Callable[[], str]
) -> None:
    house.environment("production", make_database())
    assert house.run("apply", "--env", "production").status == 0
    assert house.run("diff", "production", "staging").status == 0
    run(driving, "do $$ begin execute format('alter database %I set lock_timeout = 7', current_database()); end $$")
    looked = house.run("diff", "production", "staging")
    assert (looked.status, "+   setting lock_timeout of this database: value 7" in looked.out) == (1, True), looked.said
    assert "1 difference: - production, + staging" in looked.out


@pytest.mark.slow
def test_diff_with_a_backup(house: House, driving: str) -> None:
    house.environment("staging", driving, "backup: {to: backups}\n")
    assert house.run("backup", "--env", "staging").status == 0
    run(driving, "alter table users add added_later int")
    (receipt,) = house.root.glob("backups/**/receipt.json")
    looked = house.run("diff", str(receipt), "staging")
    assert looked.status == 1, looked.said
    assert "column added_later: integer" in looked.out
    assert "1 difference:" in looked.out


@pytest.mark.slow
@pytest.mark.usefixtures("driving")
@pytest.mark.parametrize("name", ["nowhere", "migrations/001_users.sql"])
def test_a_side_that_is_none_is_told_what_there_is(house: House, name: str) -> None:
    refused = house.run("diff", "staging", name)
    assert refused.status == 2
    assert "snapshot" in refused.err


@pytest.mark.slow
def test_p36_drift_that_is_looked_for_while_a_run_applies_is_not_told(house: House, driving: str) -> None:
    """An index is half built, and a column is added in a transaction that is not committed: neither is drift."""
    house.migration("003_concurrently", "create index concurrently users_id on public.users (id);")
    house.migration("004_column", "alter table public.users add column name text; select pg_sleep(1);")
    with transaction(driving, "set transaction isolation level repeatable read; select 1"):
        running = house.start("apply", "--env", "staging")
        until(lambda: runs(driving, "concurrently users_id"))
        looked = house.run("drift", "--env", "staging")
    assert looked.status == 5, looked.said
    assert "a run is changing staging, so" in looked.words
    until(lambda: runs(driving, "pg_sleep"))
    assert house.run("drift", "--env", "staging").status in {0, 5}
    done = running.ended()
    assert done.status == 0, done.said
    assert house.run("drift", "--env", "staging").status == 0


CHECKED = """
create table public.jobs (id int, state varchar(10), a int, b int, c int,
    constraint state_known check (state in ('new', 'done')), constraint enough check ((a + b) * c > 0));
"""


@pytest.mark.slow
def test_what_a_restore_only_prints_otherwise_is_no_drift_and_a_bracket_that_means_something_is(
    house: House, database_url: str
) -> None:
    house.environment("staging", database_url)
    house.migration("001_jobs", CHECKED)
    house.applied()
    printed = "select pg_get_constraintdef(oid) from pg_constraint where conname = 'state_known'"
    ((before,),) = fetch(database_url, printed)
    run(database_url, f"alter table jobs drop constraint state_known, add constraint state_known {before}")
    assert fetch(database_url, printed) != [(before,)]
    for looked in (house.run("drift"), house.run("diff", "staging", "migrations")):
        assert looked.status == 0, looked.said
    run(database_url, "alter table jobs drop constraint enough, add constraint enough check (a + (b * c) > 0)")
    looked = house.run("drift")
    assert looked.status == 1
    assert "1 difference from the 1 migration" in looked.out
    assert "enough" in looked.out
    assert "state_known" not in looked.out
