"""The recovery point of real servers: with and without an archive, a WAL receiver, and the right to name it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ctgitops.core.recovery_point import Archive, RecoveryPoint
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.ledger.recovery_point import take_recovery_point
from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import base_for_servers, fetch, missing, programs_for_tests, run, session
from tests.stories.house import until

FINGERPRINT = "1a2b3c4d5e6f" + "0" * 52
REPLICA = {"wal_level": "replica", "max_wal_senders": "5"}


def point_of(url: str, role: str = "") -> RecoveryPoint:
    with session(url) as connection:
        if role:
            connection.execute(f"set role {role}".encode())
        return take_recovery_point(connection, Address(url, label="the test's"), FINGERPRINT)


def test_a_server_without_an_archive_says_so_and_shows_where_its_wal_ends(database_url: str) -> None:
    """The tests' server has `wal_level = minimal`, where a restore point cannot be created."""
    point = point_of(database_url)
    assert (point.archive, point.name) == (Archive.NONE, "")
    assert point.lsn
    assert point.timeline == 1
    assert fetch(database_url, f"select pg_current_wal_insert_lsn() >= '{point.lsn}'") == [(True,)]


@contextmanager
def server_with(**settings: str) -> Iterator[LocalServer]:
    with LocalServer(
        programs_for_tests(), settings={**REPLICA, **settings}, listen="127.0.0.1", base=base_for_servers()
    ) as server:
        yield server


@pytest.mark.slow
def test_a_named_point_needs_the_right_and_a_point_does_not() -> None:
    with server_with() as server:
        url = server.url()
        run(url, "create role plain; create role allowed")
        run(url, "grant execute on function pg_create_restore_point(text) to allowed")
        for role, named in (("", True), ("plain", False), ("allowed", True)):
            point = point_of(url, role)
            assert bool(point.name) is named
            assert point.lsn
            assert point.archive is Archive.NONE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "did", "archive"),
    [("true", "archived_count", Archive.ARCHIVED), ("false", "failed_count", Archive.FAILING)],
)
def test_an_archive_is_seen_by_what_it_did(command: str, did: str, archive: Archive) -> None:
    """Also without privileges."""
    with server_with(archive_mode="on", archive_command=command) as server:
        url = server.url()
        run(url, "create role plain")
        assert point_of(url).archive is Archive.UNKNOWN
        run(url, "select pg_create_restore_point('x'), pg_switch_wal()")
        until(lambda: fetch(url, f"select {did} > 0 from pg_stat_archiver") == [(True,)])
        assert point_of(url, "plain").archive is archive


@pytest.mark.slow
def test_an_archive_without_a_command_is_none() -> None:
    with server_with(archive_mode="on") as server:
        assert point_of(server.url()).archive is Archive.NONE


@pytest.mark.slow
def test_a_wal_receiver_counts_as_an_archive_and_a_role_that_cannot_see_it_does_not_know(tmp_path: Path) -> None:
    receiver = programs_for_tests().bin / "pg_receivewal"
    if not receiver.exists():
        raise missing("replica", f"{receiver.parent} has no pg_receivewal")
    with server_with() as server:
        url = server.url()
        run(url, "create role plain")
        folder = tmp_path / "wal"
        folder.mkdir()
        process = subprocess.Popen([str(receiver), "-D", str(folder), "-d", url])
        try:
            until(lambda: point_of(url).archive is Archive.ARCHIVED)
            assert point_of(url, "plain").archive is Archive.UNKNOWN
        finally:
            process.terminate()
            process.wait(10)
            shutil.rmtree(folder)
        until(lambda: point_of(url, "plain").archive is Archive.NONE)


@pytest.mark.slow
def test_a_managed_server_that_shows_no_archive_is_not_known() -> None:
    with server_with() as server:
        run(server.url(), "create role rds_superuser")
        point = point_of(server.url())
        assert point.archive is Archive.UNKNOWN
        assert "rds_superuser" in point.why
