"""URLs that libpq would misread are rejected before, because libpq prints what it takes for the host."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from ctgitops.errors import LedgerError, UsageError
from ctgitops.postgres.connection import connect as connections
from ctgitops.postgres.connection.connect import SERVER_KEEPALIVES, Address, _advice, connect, unsupported
from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import fresh_database, run


@pytest.mark.parametrize("bare", ["@", "/", "?", "#", "@/", "/@", "@?", "?@", "@#", "@@"])
def test_a_password_with_a_bare_separator_is_refused_and_no_part_of_it_is_shown(bare: str) -> None:
    address = Address(f"postgresql://me:hunter{bare}secretpart@127.0.0.1:1/app", "staging (STAGING_DATABASE_URL)")
    with pytest.raises(UsageError, match="is not a PostgreSQL URL") as refused:
        connect(address, "test")
    assert "%40" in refused.value.hint
    assert not any(part in refused.value.what + refused.value.hint for part in ("hunter", "secretpart"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:p%40ss%2Fword@127.0.0.1:1/app",
        "postgresql://me@127.0.0.1:1/app?application_name=a@b",
        "postgresql://me:secret@127.0.0.1:1/app?application_name=a@b",
        "postgresql://me:secret@127.0.0.1:1/app?options=-c%20search_path%3Da",
        "postgresql://127.0.0.1:1/app?application_name=a@b",
        "host=127.0.0.1 port=1 dbname=app password=a@b",
        "postgresql://me:a%3Ab@[::1]:1/app",
        "postgresql://me:secret@[::1]:1,127.0.0.1:1/app",
        "host=::1 port=1 dbname=app",
        "postgresql:///app?host=::1&port=1",
    ],
)
def test_what_is_written_rightly_is_tried(url: str) -> None:
    with pytest.raises(LedgerError, match="cannot connect to staging"):
        connect(Address(url, "staging (STAGING_DATABASE_URL)"), "test")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@::1:5432/db",
        "postgres://u:hunter2@2001:db8::7/db",
        "postgresql://::1/db",
        "postgresql://u@fe80::1%eth0:5432/db",
        "postgresql://u@127.0.0.1:1,::1:5432/db",
        "postgresql://u@::1",
        "postgresql://u@::ffff:10.0.0.1?connect_timeout=1",
    ],
)
def test_an_ipv6_address_without_brackets_is_told_as_that(url: str) -> None:
    with pytest.raises(UsageError, match="IPv6 address without brackets") as refused:
        connect(Address(url, "staging (STAGING_DATABASE_URL)"), "test")
    assert "@[::1]:5432/" in refused.value.hint
    assert "hunter2" not in refused.value.what + refused.value.hint


def test_a_connection_notices_within_a_minute_that_the_other_side_is_gone(tcp_server: LocalServer) -> None:
    """Seen to fail without `tcp_user_timeout`, on either side."""
    with connect(Address(fresh_database(tcp_server), "test"), "ctgitops test", SERVER_KEEPALIVES) as connection:
        wire = socket.fromfd(connection.pgconn.socket, socket.AF_INET, socket.SOCK_STREAM)
        with wire:
            assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
            assert [wire.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [30, 10, 3, 60000]
        found = connection.execute("select name, setting from pg_settings where name ~ '^tcp_'").fetchall()
    assert found == [
        ("tcp_keepalives_count", "3"),
        ("tcp_keepalives_idle", "30"),
        ("tcp_keepalives_interval", "10"),
        ("tcp_user_timeout", "60000"),
    ]


def test_a_server_that_is_too_old_is_refused_by_its_version(
    tcp_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = fresh_database(tcp_server)
    monkeypatch.setattr(connections, "OLDEST_MAJOR", 99)
    with pytest.raises(LedgerError, match=r"the database runs PostgreSQL \d+; ctgitops needs 99 or newer") as caught:
        connect(Address(database, "the database"), "ctgitops/read")
    assert caught.value.state == "nothing was changed"


@pytest.mark.parametrize(("version", "number"), [(130_014, "13"), (100_023, "10"), (90_624, "9.6")])
def test_versions_are_named_as_their_server_names_them(version: int, number: str) -> None:
    assert f"runs PostgreSQL {number};" in unsupported(Address("postgresql://h/d", "staging"), version).what


def test_each_reason_of_a_refused_login_has_its_own_remedy(server: LocalServer) -> None:
    """The first plan of a team that has not run the SQL of `ctgitops roles` ends here."""
    url = fresh_database(server)
    name = url.partition("?")[0].rpartition("/")[2]
    run(url, f"create role {name}_nologin nologin")
    for user, remedy in (("nobody_yet", "`ctgitops roles` prints"), (f"{name}_nologin", "ALTER ROLE … LOGIN")):
        with pytest.raises(LedgerError) as refused:
            connect(Address(url.replace("://postgres@", f"://{user}@"), "staging"), "test")
        assert remedy in refused.value.hint
    with pytest.raises(LedgerError) as refused:
        connect(Address(url.replace(f"/{name}?", "/not_there?"), "staging"), "test")
    assert "create the database" in refused.value.hint


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "a", database "b", no encryption', "sslmode=require"),
        ("server does not support SSL, but SSL was required", "sslmode"),
        ("FATAL:  the database system is starting up", "wait until the server accepts"),
        ("FATAL:  something new", "check the URL in that secret"),
    ],
)
def test_what_the_server_says_chooses_the_remedy(said: str, remedy: str) -> None:
    assert remedy in _advice(said)


def test_an_interrupt_in_the_middle_of_a_command_sends_no_rollback(
    server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(KeyboardInterrupt), connect(server.address(), "ctgitops test") as connection:
        connection.pgconn.send_query(b"begin; select pg_sleep(5)")
        raise KeyboardInterrupt
    assert connection.closed
    assert not caplog.records


def test_a_warning_of_a_library_is_not_written_to_standard_error() -> None:
    code = "import ctgitops.wiring.wiring, logging; logging.getLogger('psycopg').warning('plain text')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
