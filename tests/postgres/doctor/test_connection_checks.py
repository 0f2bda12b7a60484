"""Checks of a connection, on real servers with and without TLS, and behind a real pooler."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ctgitops.core.doctor.diagnosis import CheckVerdict
from ctgitops.errors import UsageError
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.doctor.connection_checks import certificate, clock, pooler, reachable, tls, without_tls
from ctgitops.postgres.doctor.doctor_session import DoctorSession
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.os_account import unprivileged
from tests.postgres.doctor.scene import doctor, verdicts
from tests.servers import base_for_servers, programs_for_tests
from tests.stories.test_pooler import PASSED_ON, bouncer

pytestmark = pytest.mark.slow
SECRET = "STAGING_DATABASE_URL"


def write_certificate(folder: Path, days: int) -> None:
    """A certificate for 127.0.0.1 that signs itself, and its key, in the way the server wants them."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
    )
    begin = datetime.now(UTC) - timedelta(days=400)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(datetime.now(UTC) + timedelta(days=days))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "server.key").write_bytes(pem)
    (folder / "server.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").chmod(0o600)
    folder.chmod(0o755)
    if account := unprivileged():
        shutil.chown(folder / "server.key", account.name)


@contextmanager
def with_tls(days: int) -> Iterator[tuple[str, Path]]:
    """A server with TLS; its URL without `sslmode`, and its certificate."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_certificate(folder, days)
        settings = {"ssl": "on", "ssl_cert_file": f"{folder}/server.crt", "ssl_key_file": f"{folder}/server.key"}
        programs = programs_for_tests()
        with LocalServer(programs, settings=settings, listen="127.0.0.1", base=base_for_servers()) as server:
            yield server.url().replace("@127.0.0.1:", "@localhost:"), folder / "server.crt"


@pytest.fixture(scope="module")
def encrypted() -> Iterator[tuple[str, Path]]:
    with with_tls(300) as server:
        yield server


def followed(fix: str, url: str) -> str:
    """The URL after the command."""
    command = f'{fix}; printf %s "${SECRET}"'
    return subprocess.run(["bash", "-c", command], env={SECRET: url}, capture_output=True, text=True, check=True).stdout


def test_a_weaker_sslmode_than_the_server_allows_is_found_and_the_fix_works(encrypted: tuple[str, Path]) -> None:
    url, root = encrypted
    with doctor(url) as opened:
        (found,) = tls(opened, SECRET)
        assert (found.verdict, "sslmode=prefer" in found.what) == (CheckVerdict.PROBLEM, True)
    with doctor(followed(found.fix, url)) as opened:
        (rest,) = tls(opened, SECRET)
        assert (rest.verdict, "does not trust" in rest.what) == (CheckVerdict.NOTE, True)

    trusted = f"{url}&sslmode=require&sslrootcert={root}"
    with doctor(trusted) as opened:
        (found,) = tls(opened, SECRET)
        assert (found.verdict, "allows sslmode=verify-full" in found.what) == (CheckVerdict.PROBLEM, True)
    with doctor(followed(found.fix, trusted)) as opened:
        assert verdicts(tls(opened, SECRET)) == [CheckVerdict.OK]


def test_sslmode_disable_is_found_although_the_server_has_tls(encrypted: tuple[str, Path]) -> None:
    with doctor(f"{encrypted[0]}&sslmode=disable") as opened:
        assert verdicts(tls(opened, SECRET)) == [CheckVerdict.PROBLEM]
        assert [each.what for each in certificate(opened)] == ["the connection uses no TLS"]


def test_connections_that_do_not_leave_the_machine_need_no_tls(database_url: str, tcp_server: LocalServer) -> None:
    for url in (database_url, tcp_server.url()):
        with doctor(url) as opened:
            assert verdicts(tls(opened, SECRET)) == [CheckVerdict.OK]


def test_a_server_without_tls_on_the_network_is_found() -> None:
    found = without_tls("db.example", "prefer")
    assert (found.verdict, "readable on the network" in found.what) == (CheckVerdict.PROBLEM, True)


def test_a_certificate_that_expires_soon_is_found(encrypted: tuple[str, Path]) -> None:
    with doctor(encrypted[0]) as opened:
        assert verdicts(certificate(opened)) == [CheckVerdict.OK]
    with with_tls(10) as (url, _), doctor(url) as opened:
        (soon,) = certificate(opened)
        assert (soon.verdict, "is valid until" in soon.what) == (CheckVerdict.PROBLEM, True)
        (late,) = certificate(opened, lambda: datetime.now(UTC) + timedelta(days=11))
        assert (late.verdict, "expired on" in late.what) == (CheckVerdict.PROBLEM, True)


def test_a_pooler_in_transaction_mode_is_found(tcp_server: LocalServer) -> None:
    with bouncer(tcp_server.url(), "transaction", PASSED_ON) as url, doctor(url) as opened:
        (found,) = pooler(opened)
        assert (found.verdict, "connection pooler" in found.what) == (CheckVerdict.PROBLEM, True)
    with doctor(tcp_server.url()) as opened:
        assert verdicts(pooler(opened)) == [CheckVerdict.OK]


def test_a_wrong_clock_is_found_and_says_which_way(database_url: str) -> None:
    with doctor(database_url) as opened:
        assert verdicts(clock(opened)) == [CheckVerdict.OK]
        for shift, said in ((-60, "ahead of"), (60, "behind")):
            (found,) = clock(opened, lambda shift=shift: time.time() + shift)  # type: ignore[misc]
            assert (found.verdict, said in found.what) == (CheckVerdict.PROBLEM, True)


def test_a_slow_round_trip_does_not_compare_clocks(database_url: str) -> None:
    times = iter((0.0, 30.0))
    with doctor(database_url) as opened:
        assert verdicts(clock(opened, lambda: next(times))) == [CheckVerdict.UNKNOWN]


@pytest.mark.parametrize("url", ["postgresql://u:p@127.0.0.1:1/x", "postgresql://u:p@ss@h/x", "postgresql:// /"])
def test_a_server_that_cannot_be_reached_is_found_and_everything_else_is_unknown(url: str) -> None:
    with doctor(url) as opened:
        (found,) = reachable(opened)
        assert (found.verdict, bool(found.fix)) == (CheckVerdict.PROBLEM, True)
        assert "p@ss" not in found.what
        began = time.monotonic()
        with pytest.raises(Exception, match="could not be reached"):
            list(tls(opened, SECRET))
        assert time.monotonic() - began < 1, "it does not connect again"


def test_a_server_that_is_silent_is_found_before_the_time_limit_of_a_check() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/x"
        began = time.monotonic()
        with doctor(url) as opened:
            (found,) = reachable(opened)
        assert (found.verdict, "timeout expired" in found.what) == (CheckVerdict.PROBLEM, True)
        assert time.monotonic() - began < 10


def test_without_an_address_nothing_is_known() -> None:
    def unset() -> Address:
        raise UsageError("STAGING_DATABASE_URL is not set", hint="export it")

    with pytest.raises(UsageError, match="is not set"):
        list(reachable(DoctorSession(unset)))


def test_a_reachable_server_is_described(database_url: str) -> None:
    with doctor(database_url) as opened:
        (found,) = reachable(opened)
        assert (found.verdict, "role postgres" in found.what) == (CheckVerdict.OK, True)
