"""Fixtures: repositories with one environment, `staging`, either new or with existing data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import SharedServer, copied_database, fresh_database, run
from tests.stories.house import House

AT_HOME = """
insert into ctgitops.home (environment, system_identifier, database_oid, database_name, ledger_id)
select environment, system_identifier, (select oid from pg_database where datname = current_database()),
       current_database(), gen_random_uuid() from ctgitops.home order by id limit 1
"""
"""A clone is noticed, so it is adopted, as `ctgitops repair --adopt` does."""
ONE = "create table one (id int primary key);"


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> House:
    """Headers are optional in it; its one environment has a fresh, empty database."""
    return _house(tmp_path / "repository", database_url)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, server: SharedServer) -> Iterator[str]:
    """The URL of a fresh database: an empty one, or for `lived_in` one with what it needs."""
    template = request.getfixturevalue("furnished") if "lived_in" in request.fixturenames else ""
    with server.dropping():
        if template:
            url = copied_database(server, template)
            run(url, AT_HOME)
            yield url
        else:
            yield fresh_database(server)


@pytest.fixture
def lived_in(tmp_path: Path, database_url: str) -> House:
    """A repository whose first migration is applied, with a row that somebody put in."""
    made = _house(tmp_path / "repository", database_url)
    made.migration("001_one", ONE)
    return made


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory, server: SharedServer) -> str:
    """The database that the one of `lived_in` is a copy of, which saves an apply for each test."""
    address = server.create_database("furnished")
    made = _house(tmp_path_factory.mktemp("furnished"), address.url)
    made.migration("001_one", ONE)
    made.applied()
    run(address.url, "insert into one values (1)")
    return "furnished"


def _house(root: Path, url: str) -> House:
    made = House(root)
    made.policy("header: optional\n")
    made.environment("staging", url)
    return made
