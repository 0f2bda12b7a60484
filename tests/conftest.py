"""Fixtures: one server for all tests, and a new database for each test."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import SharedServer, base_for_servers, fetch, fresh_database, missing, programs_for_tests

# A CI that starts us in the background hands down an ignored Ctrl-C, and every program we start would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)


# A law that takes long on a busy machine holds all the same. CI tries them more often: --hypothesis-profile thorough
settings.register_profile("quick", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=200)
settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="write golden pages instead of comparing with them")


@pytest.fixture(scope="session")
def server() -> Iterator[SharedServer]:
    """A server without a password, reached through a socket."""
    # Autovacuum would start a worker for each of hundreds of databases every minute
    settings = {"max_prepared_transactions": "5", "autovacuum": "off"}
    with SharedServer(programs_for_tests(), settings=settings, base=base_for_servers()) as started:
        yield started


@pytest.fixture(scope="session")
def tcp_server() -> Iterator[LocalServer]:
    """A server on 127.0.0.1 that wants a password."""
    with LocalServer(programs_for_tests(), listen="127.0.0.1", base=base_for_servers()) as started:
        yield started


@pytest.fixture
def make_database(server: SharedServer) -> Iterator[Callable[[], str]]:
    """Makes a fresh, empty database; returns its URL."""
    with server.dropping():
        yield lambda: fresh_database(server)


@pytest.fixture
def database_url(make_database: Callable[[], str]) -> str:
    """The URL of a fresh, empty database."""
    return make_database()


@pytest.fixture
def postgis_url(database_url: str) -> str:
    """The URL of a fresh database on a server that has PostGIS to be created."""
    if not fetch(database_url, "select from pg_available_extensions where name = 'postgis'"):
        raise missing("postgis", "this server has no PostGIS; CTGITOPS_TEST_POSTGRES names another's bin folder")
    return database_url
