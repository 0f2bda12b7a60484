"""A trial on an external server, such as a service container, leaves nothing there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from ctgitops.postgres.server.external_server import MARK, PREFIX
from tests.servers import Service, borrowable, fetch, run
from tests.stories.house import House

SHADOW = "shadow: {url: '${SHADOW_DATABASE_URL}'}\n"
THERE = f"select datname from pg_database where datname like '{PREFIX}%'"
ROLES = f"select rolname from pg_roles where shobj_description(oid, 'pg_authid') = '{MARK}' or rolname like 'made_by%'"
pytestmark = pytest.mark.slow


@pytest.fixture
def service() -> Iterator[Service]:
    with borrowable() as server:
        yield server


@pytest.fixture
def tried(house: House, database_url: str, service: Service) -> str:
    """An environment whose plans are tried on that server, with one migration."""
    house.secrets["SHADOW_DATABASE_URL"] = service.url()
    house.environment("staging", database_url, SHADOW)
    house.migration("001_users", "create table public.users (id bigint primary key);", down="drop table public.users;")
    house.applied()
    return database_url


def test_a_plan_is_tried_there_and_nothing_stays(house: House, tried: str, service: Service) -> None:
    run(tried, "do $$ begin create role made_by_hand; exception when duplicate_object then null; end $$")
    run(tried, "grant select on users to made_by_hand")
    house.migration("002_name", "alter table public.users add name text;", down="alter table public.users drop name;")
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "it runs\n" in looked.out
    assert "rollback verified: 1 restores the schema" in looked.out
    assert "not matched" not in looked.out.replace("not matched: postgres has no CREATEROLE in the sandbox", "")
    assert "not isolated: this run does not limit the external server's memory, CPU and temporary files" in looked.words
    house.plan("--out", "kept.json")
    assert house.apply("--plan", str(house.root / "kept.json")).status == 0
    assert fetch(service.url(), THERE) == fetch(service.url(), ROLES) == []


def test_what_a_killed_run_left_there_is_tidied_by_the_next(house: House, tried: str, service: Service) -> None:  # noqa: ARG001
    house.migration("002_long", "select pg_sleep(60);")
    running = house.start("plan", "--env", "staging")
    deadline = time.monotonic() + 30
    while not fetch(
        service.url(), "select from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    running.kill()
    running.process.communicate()
    assert len(fetch(service.url(), THERE)) >= 2
    house.migration("002_long", "select 1;")
    assert "it runs" in house.plan().out
    assert fetch(service.url(), THERE) == fetch(service.url(), ROLES) == []


@pytest.mark.parametrize("whose", ["the target's", "one with the target's roles", "one without a superuser"])
def test_a_server_that_may_not_be_used_is_refused(house: House, tried: str, service: Service, whose: str) -> None:
    if whose == "the target's":
        house.secrets["SHADOW_DATABASE_URL"] = tried
        said = "the shadow (SHADOW_DATABASE_URL) is the server of this environment, and unmerged SQL never runs there"
    elif whose == "one with the target's roles":
        run(service.url(), "create role postgres")
        said = "the shadow (SHADOW_DATABASE_URL) has roles of the real server: postgres"
    else:
        run(service.url(), "create role plain login password 'plain' createdb createrole")
        password = service.url().split(":")[2].split("@")[0]
        house.secrets["SHADOW_DATABASE_URL"] = service.url(role="plain").replace(password, "plain")
        said = "the role of the shadow (SHADOW_DATABASE_URL) is not a superuser, so it cannot create a copy"
    before = fetch(tried, "select datname, (select count(*) from pg_roles) from pg_database order by 1")
    house.migration("002_more", "create table public.more (id int);")
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert f"not tried: {said}" in looked.out
    assert fetch(tried, "select datname, (select count(*) from pg_roles) from pg_database order by 1") == before


def test_without_its_secret_the_plan_says_so(house: House, tried: str) -> None:  # noqa: ARG001
    del house.secrets["SHADOW_DATABASE_URL"]
    house.migration("002_more", "create table public.more (id int);")
    assert "not tried: SHADOW_DATABASE_URL, the URL of the database of the shadow, is not set" in house.plan().out


@pytest.mark.usefixtures("tried")
def test_two_plans_use_it_one_after_the_other(house: House, service: Service, make_database: Callable[[], str]) -> None:
    house.environment("other", make_database(), SHADOW)
    house.migration("002_more", "create table public.more (id int); select pg_sleep(1);")
    looked = house.run("plan")
    assert ("it runs" in looked.out, "both run" in looked.out) == (True, True), looked.said
    assert fetch(service.url(), THERE) == []


@pytest.mark.parametrize("major", [18])
def test_roles_that_a_migration_makes_are_gone_too(house: House, tried: str, major: int) -> None:  # noqa: ARG001
    with borrowable(major) as newer:
        house.secrets["SHADOW_DATABASE_URL"] = newer.url()
        house.migration("002_role", "create role made_by_migration; grant select on public.users to made_by_migration;")
        looked = house.plan()
        assert "it runs" in looked.out, looked.said
        assert fetch(newer.url(), ROLES) == []


def test_what_was_applied_is_run_again_there_and_nothing_stays(house: House, tried: str, service: Service) -> None:
    house.migration(
        "002_role", "do $$ begin create role made_by_drift; exception when duplicate_object then null; end $$;"
    )
    house.migration("003_grant", "grant select on public.users to made_by_drift;")
    house.applied()
    used = fetch(service.url(), "select sum(sessions) from pg_stat_database")
    for looked in (house.run("drift"), house.run("diff", "staging", "migrations")):
        assert looked.status == 0, looked.said
        assert fetch(service.url(), THERE) == fetch(service.url(), ROLES) == []
    assert fetch(service.url(), "select sum(sessions) from pg_stat_database") > used
    run(tried, "create index by_hand on public.users (id)")
    assert "by_hand" in house.run("drift").out


def test_a_database_is_taken_over_by_what_the_files_give_there(
    house: House, service: Service, make_database: Callable[[], str]
) -> None:
    taken = make_database()
    run(taken, "create table public.users (id bigint primary key)")
    house.secrets["SHADOW_DATABASE_URL"] = service.url()
    house.environment("staging", taken, SHADOW)
    house.migration("001_users", "create table public.users (id bigint primary key);")
    before = fetch(service.url(), "select sum(sessions) from pg_stat_database")
    done = house.run("baseline", "--env", "staging", "--at", "1")
    assert done.status == 0, done.said
    assert fetch(service.url(), "select sum(sessions) from pg_stat_database") > before
    assert fetch(service.url(), THERE) == fetch(service.url(), ROLES) == []


def test_the_targets_own_server_is_no_place_to_run_what_was_applied_again(house: House, tried: str) -> None:
    house.secrets["SHADOW_DATABASE_URL"] = tried
    before = fetch(tried, "select datname, (select count(*) from pg_roles) from pg_database order by 1")
    looked = house.run("drift")
    assert looked.status == 2, looked.said
    assert "the shadow (SHADOW_DATABASE_URL) is the server of this environment" in looked.said
    assert fetch(tried, "select datname, (select count(*) from pg_roles) from pg_database order by 1") == before
