"""`drift` compares an environment with its predecessor, and shows what no migration explains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.servers import run
from tests.stories.house import House, as_role, database_of, facts

pytestmark = pytest.mark.slow


@pytest.fixture
def urls(house: House, make_database: Callable[[], str]) -> tuple[str, str]:
    """Staging with two migrations, and production with the first of them."""
    staging, production = make_database(), make_database()
    house.environment("staging", staging)
    house.environment("production", production, "after: staging\n")
    house.migration("001_users", "create table public.users (id bigint primary key, email varchar(40));")
    house.applied()
    assert house.run("apply", "--env", "production").status == 0
    house.migration(
        "002_state",
        "alter table public.users add state varchar(9) check (state in ('new', 'old')), alter email type text;",
    )
    house.applied()
    return staging, production


def test_what_a_pending_migration_explains_is_not_a_difference(house: House, urls: tuple[str, str]) -> None:
    before = [facts(url) for url in urls]
    looked = house.run("drift")
    assert looked.status == 0, looked.said
    assert "production: no drift: the schema matches the 1 migration in the ledger; migrations explain" in looked.out
    assert "1 migration only in staging, and taken into account: 002_state" in looked.words
    assert [facts(url) for url in urls] == before


def test_differences_that_no_migration_explains_are_listed_with_their_side(house: House, urls: tuple[str, str]) -> None:
    staging, production = urls
    run(staging, "create view public.names as select id from public.users; alter table users drop column state")
    run(production, "create index by_hand on public.users (email); create table public.same ()")
    run(staging, "create table public.same ()")
    run(staging, "do $$ begin execute format('alter database %I set lock_timeout = 7', current_database()); end $$")
    looked = house.run("drift", "--env", "production")
    assert looked.status == 1
    assert "production: DRIFT: 2 differences from the 1 migration in the ledger; DIFFERS FROM staging: 5 " in looked.out
    assert looked.out.partition("- staging, + production with the migrations of staging\n\n")[2].startswith(
        "  public.users\n"
        "+     column state: character varying(9)\n"
        "+     constraint users_state_check: CHECK (((state)::text = ANY ((ARRAY['new'::character varying, "
        "'old'::character varying])::text[])))\n"
        "+     index public.by_hand: CREATE INDEX by_hand ON public.users USING btree (email)\n"
        "-   view public.names\n"
        "-   setting lock_timeout of this database: value 7\n"
    ), looked.out
    (found,) = house.run("drift", "--env", "production", "--format", "json").json["environments"]
    assert (found["predecessor"]["state"], found["predecessor"]["drifted"]) == ("different", ["staging", "production"])
    for command in ("drift --env staging", "diff staging production"):
        assert f"`ctgitops {command}`" in looked.out
        assert house.run(*command.split()).status == 1, "a next command that works"
    looked = house.run("drift", "--env", "production", "--no-predecessor")
    assert (looked.status, "staging" in looked.out) == (1, False)


def test_a_predecessor_that_cannot_be_read_is_unknown(house: House, urls: tuple[str, str]) -> None:
    house.secrets["STAGING_DATABASE_URL"] = urls[0].replace("port=5432", "port=5433")
    looked = house.run("drift", "--env", "production")
    assert looked.status == 4
    assert "NOT COMPARED with staging, so differences from staging are unknown: cannot connect" in looked.words
    del house.secrets["STAGING_DATABASE_URL"]
    looked = house.run("drift", "--env", "production")
    assert looked.status == 0, looked.said
    assert "unknown: STAGING_DATABASE_URL, the URL of the database of staging, is not set" in looked.words
    assert house.run("drift", "--env", "production", "--predecessor").status == 2


def test_a_migration_with_other_sql_is_a_difference(house: House, urls: tuple[str, str]) -> None:
    run(urls[1], "alter table public.users alter id type int")
    house.migration("001_users", "create table public.users (id int primary key, email varchar(40));")
    repaired = house.run("repair", "001", "--env", "production", "--applied", "--reason", "hotfix")
    assert repaired.status == 0, repaired.said
    looked = house.run("drift", "--env", "production")
    assert (looked.status, "production: no drift" in looked.out) == (1, True), looked.said
    assert "1 migration applied with other SQL in staging than in production: 001_users" in looked.words
    assert "  public.users\n-     column id: type bigint\n+     column id: type integer\n" in looked.out


def test_a_hand_made_object_that_a_migration_of_the_environment_creates_is_no_difference(
    house: House, make_database: Callable[[], str]
) -> None:
    """Seen to fail: the index of staging was listed as missing in production, which has it."""
    staging, production = make_database(), make_database()
    house.environment("staging", staging)
    house.environment("production", production)
    house.migration("001_users", "create table public.users (id bigint primary key, email text);")
    house.applied()
    house.migration("002_hotfix", "create index by_mail on public.users (email);")
    assert house.run("apply", "--env", "production").status == 0
    house.environment("production", production, "after: staging\n")
    run(staging, "create index by_mail on public.users (email)")
    looked = house.run("drift", "--env", "production")
    assert (looked.status, "migrations explain each difference from staging" in looked.out) == (0, True), looked.said
    house.write("migrations/repeatable/names.sql", "create or replace view public.names as select id from users;")
    run(staging, "create index other on public.users (email)")
    house.environment("production", production)
    assert house.run("apply", "--env", "production").status == 0
    house.environment("production", production, "after: staging\n")
    looked = house.run("drift", "--env", "production")
    assert "1 repeatable file with other SQL in one of the two, and taken into account" in looked.words
    shown = looked.out.partition("- staging with the migrations of production, + production\n\n")[2]
    assert shown.startswith("  public.users\n-     index public.other: "), looked.said
    assert "by_mail" not in shown


def test_roles_settings_and_accepted_objects_that_were_changed_by_hand(
    house: House, make_database: Callable[[], str]
) -> None:
    """Seen to fail: none of these differences was listed."""
    staging, production = make_database(), make_database()
    for name, url in (("staging", staging), ("production", production)):
        house.environment(name, url, "after: staging\n" if name == "production" else "")
        run(url, house.run("roles", "--env", name).out.partition("-- This script sets no password")[0])
        house.secrets[f"{name.upper()}_DATABASE_URL"] = as_role(url, f"{database_of(url)}_migrator")
    house.migration("001_users", "create table public.users (id bigint primary key);")
    house.applied()
    its, mine = (f"{database_of(url)}_migrator" for url in (staging, production))
    run(as_role(production, mine), "create table public.users (id bigint primary key, erp text, crm text)")
    accepted = house.run("baseline", "--env", "production", "--at", "001", "--accept-differences", "the ERP's columns")
    assert accepted.status == 0, accepted.said
    house.migration("002_state", "set lock_timeout = '1s'; alter table public.users add state text;")
    house.applied()
    looked = house.run("drift", "--env", "production")
    assert looked.status == 0, looked.said
    check = "alter table public.users add constraint c check (id in (1, 2) and '{}' = any (array['a'{}, 'b'{}]{}))"
    run(as_role(staging, its), check.format("a", "::varchar", "::varchar", "::text[]"))
    run(as_role(production, mine), check.format("a", "::varchar::text", "::varchar::text", ""))
    run(staging, "alter table public.users add crm int")
    database = database_of(production)
    run(production, f"alter table users alter erp set default 1; alter database {database} set lock_timeout = 7")
    run(production, f"alter role {mine} bypassrls; create role {database}_alice; grant {mine} to {database}_alice")
    looked = house.run("drift", "--env", "production")
    assert looked.status == 1
    shown = looked.out.partition("- staging, + production with the migrations of staging\n\n")[2]
    assert shown.partition("\n\n")[0].splitlines() == [
        "  public.users",
        "-     column crm: type integer",
        "+     column crm: type text",
        "+     column erp: text, default 1",
        f"+   role {its}: bypass RLS yes",
        f"+   membership {database}_alice in {its}: inherit, set",
        "+   setting lock_timeout of this database: value 7",
    ], looked.out
    assert f"not matched: the role {mine} of production, which has the name {its} in staging and in this list" in (
        looked.words
    )
