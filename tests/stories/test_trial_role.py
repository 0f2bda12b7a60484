"""The trial runs as the role that applies, whoever connects for the plan."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import base_for_servers, fetch, programs_for_tests, run
from tests.stories.house import House, runs, until

pytestmark = pytest.mark.slow

OWNER, LOGIN, READER = "App Owner", "app_ci", "app_reader"
URL = "${STAGING_DATABASE_URL}"


@pytest.fixture
def cluster() -> Iterator[LocalServer]:
    """A server with an owner that cannot log in, a login role, and a reader without any privilege."""
    with LocalServer(programs_for_tests(), base=base_for_servers()) as server:
        run(server.url(), f'create role "{OWNER}" nologin; create role {LOGIN} login; create role {READER} login')
        run(server.url(), f"alter role {READER} set default_transaction_read_only = on")
        run(server.url(), f'create database app owner "{OWNER}"')
        yield server


def manifest(house: House, role: str) -> None:
    house.write("environments/staging.yaml", f"environment: staging\ndatabase: {{url: {URL}, role: {role}}}\n")


def test_the_reader_plans_an_empty_database_as_its_owner(house: House, cluster: LocalServer) -> None:
    house.environment("staging", cluster.url("app", READER), "shadow: {}\n")
    house.migration(
        "001_t", "create schema app; create table app.t (id int primary key);", down="drop schema app cascade;"
    )
    looked = house.plan()
    assert f"as {OWNER}: it runs" in looked.words, looked.said
    assert "NOT TRIED" not in looked.words
    assert (
        f"names the role that applies: the trial ran as the owner of the database, {OWNER}; `database.role`"
        in looked.words
    )
    assert house.plan("--format", "json").json["proof"]["role"] == OWNER


def test_before_the_first_apply_the_reader_plans_as_the_one_role_that_may_make_the_ledger(
    house: House, cluster: LocalServer
) -> None:
    house.environment("staging", cluster.url("app", READER), "shadow: {}\n")
    run(cluster.url(), f"grant create on database app to {LOGIN}")
    house.migration("001_t", "create schema app; create table app.t (id int primary key);")
    looked = house.plan()
    assert f"as {LOGIN}: it runs" in looked.words, looked.said
    assert "names the role that applies" not in looked.words
    house.migration("001_t", "alter database app connection limit 3;")
    assert "must be owner of database" in house.plan().words
    run(cluster.url(), "create role another login; grant create on database app to another")
    assert f"the trial ran as the owner of the database, {OWNER}" in house.plan().words


def test_the_reader_plans_as_the_owner_of_the_ledger(house: House, cluster: LocalServer) -> None:
    """The reader is no member of that role, and may not do what the plan does."""
    run(cluster.url(), f"grant create on database app to {LOGIN}")
    run(cluster.url("app"), f"create schema app authorization {LOGIN}; grant pg_read_all_data to {READER}")
    house.environment("staging", cluster.url("app", LOGIN), "shadow: {}\n")
    house.migration("001_t", "create table app.t (id int);")
    house.applied()
    house.migration("002_x", "alter table app.t add column x int;", down="alter table app.t drop column x;")
    own = house.plan()
    house.environment("staging", cluster.url("app", READER), "shadow: {}\n")
    looked = house.plan()
    assert f"as {LOGIN}: it runs" in looked.words, looked.said
    assert looked.words.replace(f", as {LOGIN}", "") == own.words
    house.migration("002_x", "alter database app connection limit 3;")
    assert "must be owner of database" in house.plan().words


@pytest.mark.parametrize("inherit", ["inherit", "noinherit"])
def test_migrations_run_as_the_role_of_the_manifest(house: House, cluster: LocalServer, inherit: str) -> None:
    run(cluster.url(), f'alter role {LOGIN} {inherit}; grant "{OWNER}" to {LOGIN}')
    house.environment("staging", cluster.url("app", LOGIN), "shadow: {}\n")
    manifest(house, OWNER)
    house.migration("001_t", "create schema app; create table app.t (id int);")
    looked = house.plan()
    assert "a copy of its schema" in looked.words, looked.said
    assert "it runs" in looked.words
    house.applied()
    owners = fetch(
        cluster.url("app"),
        "select distinct relowner::regrole::text from pg_class "
        "where relnamespace in ('app'::regnamespace, 'ctgitops'::regnamespace)",
    )
    assert owners == [(f'"{OWNER}"',)]
    house.migration("002_x", "alter table app.t add column x int;", down="alter table app.t drop column x;")
    assert "it runs" in house.plan().words
    house.applied()
    assert house.run("rollback", "--env", "staging", "--steps", "1").status == 0
    assert house.run("verify").status == 0


def test_who_may_not_become_that_role_plans_and_does_not_apply(house: House, cluster: LocalServer) -> None:
    house.environment("staging", cluster.url("app", LOGIN), "shadow: {}\n")
    manifest(house, OWNER)
    house.migration("001_t", "create schema app;")
    looked = house.plan()
    assert f"as {OWNER}: it runs" in looked.words, looked.said
    refused = house.apply()
    assert (refused.status, f"cannot SET ROLE to {OWNER}" in refused.words) == (4, True), refused.said
    assert f'GRANT "{OWNER}" TO "{LOGIN}"' in refused.said
    run(cluster.url(), f'GRANT "{OWNER}" TO "{LOGIN}"')
    house.applied()


def test_a_role_of_the_manifest_that_does_not_exist_is_named(house: House, cluster: LocalServer) -> None:
    house.environment("staging", cluster.url("app", LOGIN), "shadow: {}\n")
    manifest(house, "missing")
    house.migration("001_t", "create schema app;")
    looked, refused = house.plan(), house.apply()
    assert "1 migration NOT TRIED" in looked.words
    for each in (looked, refused):
        assert "the role missing, which `database.role` names, does not exist" in each.words, each.said
    assert refused.status == 4
    assert house.plan("--format", "markdown").out.startswith("### ❓ ")


@pytest.mark.parametrize("sees", [True, False])
def test_a_killed_run_that_works_as_another_role_is_seen_and_ended(
    house: House, cluster: LocalServer, *, sees: bool
) -> None:
    """A role sees when the sessions of another role began only with pg_read_all_stats."""
    run(cluster.url(), f'alter role {LOGIN} noinherit; grant "{OWNER}" to {LOGIN}')
    if sees:
        run(cluster.url(), f'grant pg_read_all_stats to "{OWNER}"')
    house.environment("staging", cluster.url("app", LOGIN))
    manifest(house, OWNER)
    house.migration("001_t", "create schema app;")
    house.applied()
    house.migration("002_wait", "select pg_sleep(600);")
    running = house.start("apply", "--env", "staging")
    until(lambda: runs(cluster.url("app"), "pg_sleep"))
    other = house.apply("--wait", "0")
    assert (other.status, LOGIN in other.words) == (5, True), other.said
    running.kill()
    running.ended()
    ended = house.run("unlock", "--env", "staging", "--end-at-work")
    assert ended.status == 0, ended.said
    until(lambda: not runs(cluster.url("app"), "pg_sleep"))
