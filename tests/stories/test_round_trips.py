"""How many round trips a command needs if nothing is pending, counted by a proxy."""

from __future__ import annotations

from urllib.parse import urlsplit

import psycopg
import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.faults.proxy import Proxy
from tests.servers import fresh_database, run
from tests.stories.house import House

CLOSING = 1
STATUS = 3
"""What decides the query of the identity; the identity and the entries; the holder of the run lock."""
APPLY = 5
"""Is there a pooler; the run lock and what decides the query of the identity; the identity, the entries and the last
run; the row that describes this run, at its start and at its end."""


def _counted(house: House, straight: str, *arguments: str) -> int:
    """The round trips of a command, without those that open and close its connection."""
    parts = urlsplit(straight)
    host, port = str(parts.hostname), int(parts.port or 0)
    with Proxy(host, port) as proxy, psycopg.connect(proxy.url(straight)):
        opening = proxy.exchanges  # depends on the authentication
    with Proxy(host, port) as proxy:
        house.environment("staging", proxy.url(straight))
        done = house.run(*arguments)
        assert done.status == 0, done.said
        assert proxy.connections == 1
        return proxy.exchanges - opening - CLOSING


@pytest.mark.parametrize(("command", "most"), [(["status"], STATUS), (["apply", "--env", "staging"], APPLY)])
def test_nothing_to_do_costs_few_round_trips(
    house: House, tcp_server: LocalServer, command: list[str], most: int
) -> None:
    url = fresh_database(tcp_server)
    house.migration("001_one", "create table one (a int);")
    house.environment("staging", url)
    house.applied()
    assert _counted(house, url, *command) <= most


def test_a_run_on_a_ledger_that_another_version_wrote_is_refused_as_before(house: House, database_url: str) -> None:
    """The identity and the entries share a round trip, and the query of the entries fails on the newer ledger."""
    house.migration("001_one", "create table one (a int);")
    house.environment("staging", database_url)
    house.applied()
    run(
        database_url,
        "insert into ctgitops.format (version) values (99); alter table ctgitops.ledger rename column sql to query",
    )
    for command in (["status"], ["apply", "--env", "staging"]):
        assert "format 99" in house.run(*command).words
