"""A URL with several hosts, target_session_attrs, load balancing or a service leads a run to one server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from ctgitops.errors import LedgerError
from ctgitops.postgres.connection import one_server
from ctgitops.postgres.connection.connect import Address, connect
from ctgitops.postgres.server.libpq_environment import database_of, environment_for
from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import fresh_database, programs_for_tests

READ_ONLY = {"default_transaction_read_only": "on"}
DEAD = "/nowhere"


@pytest.fixture(autouse=True)
def nothing_chosen() -> Iterator[None]:
    """Each test is a run of its own."""
    one_server._chosen.clear()
    yield
    one_server._chosen.clear()


@pytest.fixture(scope="module")
def other() -> Iterator[LocalServer]:
    with LocalServer(programs_for_tests()) as made:
        yield made


def socket_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["host"][0]


def url_of(server: LocalServer, *hosts: str, more: str = "", database: str = "postgres") -> Address:
    listed = ",".join(hosts or (socket_of(server.url()),))
    return Address(f"postgresql://{server.superuser}@/{database}?host={listed}&port=5432{more}", "it")


def reached(address: Address, settings: dict[str, str] | None = None) -> str:
    with connect(address, "ctgitops test", settings) as connection:
        if settings:
            assert connection.execute("show transaction_read_only").fetchone() == ("on",)
        return connection.info.host


@pytest.mark.parametrize("attrs", ["any", "read-write", "primary", "prefer-standby"])
@pytest.mark.parametrize("by", ["url", "environment"])
def test_a_connection_that_only_reads_reaches_what_may_write(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, attrs: str, by: str
) -> None:
    """Seen to fail without the fix: libpq called the primary read-only, because of our own setting."""
    more = f"&target_session_attrs={attrs}" if by == "url" else ""
    if by == "environment":
        monkeypatch.setenv("PGTARGETSESSIONATTRS", attrs)
    address = url_of(server, DEAD, socket_of(server.url()), more=more)
    assert reached(address, READ_ONLY) == socket_of(server.url())


@pytest.mark.parametrize("attrs", ["read-only", "standby"])
def test_a_primary_is_not_taken_for_a_standby_because_of_our_setting(server: LocalServer, attrs: str) -> None:
    address = url_of(server, more=f"&target_session_attrs={attrs}")
    with pytest.raises(LedgerError, match="cannot connect to it") as caught:
        reached(address, READ_ONLY)
    assert "target_session_attrs" in caught.value.hint


def test_a_role_that_may_only_read_is_read_only_to_libpq(server: LocalServer) -> None:
    url = fresh_database(server)
    name = urlsplit(url).path.lstrip("/")
    with connect(Address(url, "it"), "ctgitops test") as connection:
        connection.execute(f"alter database {name} set default_transaction_read_only = on".encode())
    assert reached(url_of(server, more="&target_session_attrs=read-only", database=name), READ_ONLY)


def test_load_balancing_chooses_once_a_run(server: LocalServer, other: LocalServer) -> None:
    hosts = (socket_of(server.url()), socket_of(other.url()))
    address = url_of(server, *hosts, more="&load_balance_hosts=random")
    assert len({reached(address, READ_ONLY) for _ in range(12)}) == 1
    found = set()
    for _ in range(40):
        one_server._chosen.clear()
        found.add(reached(address))
    assert found == set(hosts), "another run may choose another one"


def test_programs_get_the_same_server(server: LocalServer, other: LocalServer) -> None:
    hosts = (DEAD, socket_of(server.url()), socket_of(other.url()))
    address = url_of(server, *hosts, more="&target_session_attrs=read-write&load_balance_hosts=random")
    host = reached(address)
    environment = environment_for(programs_for_tests(), address)
    assert (environment["PGHOST"], environment["PGPORT"], environment["PGHOSTADDR"]) == (host, "5432", "")
    assert environment["PGTARGETSESSIONATTRS"] == "any"


def test_a_service_file_names_the_servers(server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    services = tmp_path / "services"
    services.write_text(
        f"[prod]\nhost={DEAD},{socket_of(server.url())}\nport=5432\nuser={server.superuser}\ndbname=postgres\n"
        "target_session_attrs=read-write\npassword=unused-secret\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    address = Address("postgresql://?service=prod", "it")
    assert reached(address, READ_ONLY) == socket_of(server.url())
    environment = environment_for(programs_for_tests(), address)
    assert environment["PGHOST"] == socket_of(server.url())
    assert environment["PGDATABASE"] == database_of(address) == "postgres"
    assert environment["PGPASSWORD"] == "unused-secret"
    assert not any(name.startswith("PGSERVICE") for name in environment)


def test_a_throw_away_server_is_reached_whatever_the_environment_says_of_another(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "standby")
    assert reached(server.address()) == socket_of(server.url())
    environment = environment_for(programs_for_tests(), server.address())
    assert (environment["PGHOSTADDR"], environment["PGTARGETSESSIONATTRS"]) == ("", "any")


def test_every_host_that_failed_is_named(server: LocalServer) -> None:
    with pytest.raises(LedgerError) as caught:
        reached(url_of(server, DEAD, "/neither"))
    assert "/nowhere" in caught.value.what
    assert "/neither" in caught.value.what
