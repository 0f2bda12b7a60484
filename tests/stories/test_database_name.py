"""Migrations that name their own database: planned, applied, rolled back and run again, under any name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import Service, borrowable, fetch, session
from tests.stories.house import House

pytestmark = pytest.mark.slow
SHADOW = "shadow: {}\n"
ELSEWHERE = "shadow: {url: '${SHADOW_DATABASE_URL}'}\n"
SETTINGS = """
alter database {0} set timezone = 'UTC';
comment on database {0} is 'orders';
revoke connect on database {0} from public;
do $$ begin execute format('alter database %I set statement_timeout = 0', current_database()); end $$;
alter role current_user in database {0} set lock_timeout = '5s';
"""
BACK = "alter database {0} reset all; comment on database {0} is null; grant connect on database {0} to public;"


@pytest.fixture(params=["own", 'My "own" Database'])
def own(request: pytest.FixtureRequest, house: House, server: LocalServer) -> Iterator[str]:
    """The quoted name of a database with that name, which the environment is."""
    name = '"' + request.param.replace('"', '""') + '"'
    with session(server.url()) as connection:
        connection.execute(f"create database {name}".encode())
    house.environment("staging", server.url(request.param), SHADOW)
    yield name
    with session(server.url()) as connection:
        connection.execute(f"drop database {name} with (force)".encode())
        connection.execute("alter role postgres reset all")


@pytest.fixture
def service(house: House) -> Iterator[Service]:
    with borrowable() as server:
        house.secrets["SHADOW_DATABASE_URL"] = server.url()
        yield server


def test_it_is_tried_with_its_rollback_applied_and_is_no_drift(house: House, own: str) -> None:
    house.migration("001_settings", SETTINGS.format(own), down=BACK.format(own))
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "it runs\n" in looked.out
    assert "rollback verified" in looked.out
    assert "NOT TRIED" not in looked.out
    house.applied()
    assert house.run("drift").status == 0
    assert house.run("diff", "staging", "migrations").status == 0
    house.run("snapshot", "--env", "staging", "--out", str(house.root / "was.json"))
    assert house.run("diff", str(house.root / "was.json"), "migrations").status == 0
    house.migration("002_more", f"create table public.t (a int); alter database {own} set datestyle = 'ISO';")
    assert house.plan().status == 0
    house.applied()
    assert house.run("drift").status == 0


def test_a_database_of_the_server_that_is_not_its_own_says_nothing_and_one_that_is_not_there_fails(
    house: House, own: str, make_database: Callable[[], str]
) -> None:
    other = make_database().split("/")[3].split("?")[0]
    house.migration("001_other", f"alter database {other} set timezone = 'UTC';")
    looked = house.plan()
    assert f'not tried: 001_other: database "{other}" does not exist (the sandbox does not have' in looked.words
    house.migration("001_other", f'alter database {own[:-1]}x" reset all;')
    assert house.plan().status == 3


def test_on_a_server_of_others_the_page_says_what_was_not_tried(house: House, own: str, service: Service) -> None:
    name = own.strip('"').replace('""', '"')
    house.environment("staging", house.secrets["STAGING_DATABASE_URL"], ELSEWHERE)
    house.migration("001_settings", f"create table public.t (a int);\n{SETTINGS.format(own)}")
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "1 migration to apply, 4 statements NOT TRIED" in looked.words
    assert (
        f"warning[not-tried]: 001_settings names the database {name}, so that statement was not tried" in looked.words
    )
    assert "--> migrations/001_settings.sql:3" in looked.out
    document = house.plan("--format", "json").json
    assert [each["line"] for each in document["proof"]["skipped"]] == [3, 4, 5, 7]
    page = house.plan("--format", "markdown").out
    assert "4 statements NOT TRIED" in page.splitlines()[0] + page.splitlines()[2]
    assert "✅" not in page.splitlines()[0]
    house.applied()
    assert house.run("drift").status == 0
    assert "was skipped on the external server" in house.run("drift").words
    assert fetch(service.url(), "select datname from pg_database where datname like 'ctgitops%'") == []
