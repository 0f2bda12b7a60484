"""Orphaned backends of a killed run: the next run recognises them and waits for them to end."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import fetch, fresh_database, run
from tests.stories.house import House, marks, runs, until

pytestmark = pytest.mark.slow

UNTIL_TOLD = """do $$ begin
    while not exists (select from pg_class where relname = 'go') loop perform pg_sleep(0.05); end loop;
end $$;
create table two ();"""
END_THE_LOCK = """select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'ctgitops/lock'"""
AT_TWO = "select pid from pg_stat_activity where datname = current_database() and application_name = 'ctgitops/002'"


@pytest.fixture
def database_url(tcp_server: LocalServer) -> str:
    return fresh_database(tcp_server)


@contextmanager
def silent_link(url: str) -> Iterator[str]:
    """The URL of the same database behind a link that never tells the server that a client is gone."""
    parts = urlsplit(url)
    door = socket.create_server(("127.0.0.1", 0))
    sides: list[socket.socket] = []

    def let_in() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, server = door.accept()[0], socket.create_connection((str(parts.hostname), int(parts.port or 0)))
                sides.extend((client, server))
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=pass_on, args=(source, sink), daemon=True).start()

    def pass_on(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)

    threading.Thread(target=let_in, daemon=True).start()
    yield url.replace(f":{parts.port}/", f":{door.getsockname()[1]}/")
    for side in (door, *sides):
        side.close()


@pytest.fixture
def orphan(house: House, database_url: str) -> Iterator[int]:
    """A backend at migration 002, whose run was killed with -9 and whose connection nobody ended."""
    house.migration("001_one", "create table one ();")
    house.applied()
    house.migration("002_two", UNTIL_TOLD)
    with silent_link(database_url) as url:
        house.environment("staging", url)
        running = house.start("apply", "--env", "staging")
        until(lambda: runs(database_url, "pg_sleep"))
        running.kill()
        running.ended()
        run(database_url, END_THE_LOCK)
        house.environment("staging", database_url, "timeouts: {retry_for: 1s}\n")
        yield int(str(fetch(database_url, AT_TWO)[0][0]))


def test_p05_what_a_killed_run_left_at_work_is_let_end(house: House, database_url: str, orphan: int) -> None:
    """Seen to fail without the look for who is still at work."""
    house.environment("staging", database_url)
    second = house.start("apply", "--env", "staging")
    looked = "select from pg_stat_activity where application_name = 'ctgitops/lock' and query ~ 'virtualxid'"
    until(lambda: fetch(database_url, looked))
    run(database_url, "create table go ()")
    done = second.ended()
    assert done.status == 0, done.said
    assert f"waiting: backend {orphan} of an earlier run is still running, in migration 002" in done.words
    assert done.out.startswith("staging: up to date")
    assert marks(database_url) == ["001_one applied", "002_two applied"]


def test_p05_who_does_not_end_in_time_is_named_with_what_ends_it(house: House, database_url: str, orphan: int) -> None:
    refused = house.apply()
    assert refused.status == 5, refused.said
    assert f"backend {orphan} of an earlier run is still running, in migration 002" in refused.words
    assert "state: this run changed nothing" in refused.words
    assert marks(database_url) == ["001_one applied"]
    end = re.search(r"`(select pg_terminate_backend\(\d+\))`", refused.words)
    assert end
    run(database_url, end[1])
    until(lambda: not fetch(database_url, AT_TWO))
    run(database_url, "create table go ()")
    house.applied()
    assert marks(database_url) == ["001_one applied", "002_two applied"]
