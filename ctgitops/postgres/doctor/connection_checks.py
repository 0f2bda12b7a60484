"""Checks of a connection: reachability, TLS, the server's certificate, poolers, clocks."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from psycopg.conninfo import make_conninfo

from ...core.doctor.check_list import CHECKS
from ...core.doctor.diagnosis import Diagnosis, note, ok, problem, unknown
from ...errors import CtgitopsError, LedgerError, UsageError
from ..connection.connect import Address, Connection, connect
from ..connection.pooler import SETTINGS_PROBE, refuse_pooler
from .doctor_session import DoctorSession, refusal

WEAK = ("disable", "allow", "prefer")
"""Values of `sslmode` with which an attacker can prevent encryption."""
STRONGEST = "verify-full"
EXPIRES_SOON = timedelta(days=30)
CLOCKS_DIFFER_SECONDS = 5.0
_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
"""The message with which a client asks PostgreSQL for TLS."""
_LOOPBACK = ("127.", "::1", "localhost")
_HANDSHAKE_SECONDS = 5.0


def reachable(session: DoctorSession) -> Iterator[Diagnosis]:
    """Whether the URL is valid, and the server accepts the connection."""
    if error := refusal(session):
        yield problem("connect", error.what, error.hint)
        return
    info = session.connection.info
    version = f"PostgreSQL {info.server_version // 10_000}.{info.server_version % 10_000}"
    yield ok("connect", f"{version}, database {info.dbname}, role {info.user}")


def tls(session: DoctorSession, secret: str) -> Iterator[Diagnosis]:
    """Compares `sslmode` with the strongest mode that this server supports."""
    connection = session.connection
    mode, host = _parameter(connection, "sslmode"), connection.info.host
    if host.startswith(("/", "@")):
        yield ok("tls", "the connection is a Unix socket on this machine")
        return
    strongest = next((each for each in _candidates(connection) if _works(session.address, each)), None)
    safer = strongest is not None and (mode in WEAK or strongest["sslmode"] == STRONGEST != mode)
    if strongest is not None and safer:
        what = f"sslmode={mode}, but the server allows {_query(strongest)}"
        yield problem("tls", what, _fix(session, secret, strongest))
    elif strongest is None and mode in WEAK:
        yield without_tls(host, mode)
    elif mode == "require":
        fix = f"save the certificate of its authority (CA), and add sslmode=verify-full&sslrootcert=FILE to {secret}"
        what = "the connection is encrypted, but this machine does not trust the server's certificate"
        yield note("tls", what, fix, why=CHECKS["tls"].why)
    else:
        yield ok("tls", f"sslmode={mode}")


def without_tls(host: str, mode: str) -> Diagnosis:
    """The result for a server without TLS: a problem, unless the connection stays on this machine."""
    if host.startswith(_LOOPBACK):
        return ok("tls", f"sslmode={mode}; the server has no TLS, and the connection does not leave this machine")
    what = f"sslmode={mode}, and the server has no TLS, so passwords and rows are readable on the network"
    return problem("tls", what, "set `ssl = on`, `ssl_cert_file` and `ssl_key_file` in the server's postgresql.conf")


def _candidates(connection: Connection) -> list[dict[str, str]]:
    """Sets of TLS parameters to try, the safest first."""
    found = [{"sslmode": STRONGEST}] if _parameter(connection, "sslrootcert") else []
    system = {"sslmode": STRONGEST, "sslrootcert": "system"}
    return [*found, *([] if found else [system]), {"sslmode": "require"}]


def _works(address: Address, parameters: dict[str, str]) -> bool:
    try:
        connect(replace(address, url=make_conninfo(address.url, **parameters)), "ctgitops/doctor").close()
    except CtgitopsError:
        return False
    return True


def _query(parameters: dict[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in parameters.items())


def _fix(session: DoctorSession, secret: str, parameters: dict[str, str]) -> str:
    """A shell command that adds the parameters to the URL. In a URL, a later parameter replaces an earlier one."""
    url = session.original.url
    if "://" not in url:
        return f'export {secret}="${secret} {_query(parameters).replace("&", " ")}"'
    return f'export {secret}="${{{secret}}}{"&" if "?" in url else "?"}{_query(parameters)}"'


def _parameter(connection: Connection, name: str) -> str:
    """The value of a connection parameter: from the URL, from an environment variable, or libpq's default."""
    return next((o.val.decode() for o in connection.pgconn.info if o.keyword.decode() == name and o.val), "")


def certificate(session: DoctorSession, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[Diagnosis]:
    """When the server's certificate expires."""
    connection = session.connection
    if not connection.pgconn.ssl_in_use:
        yield ok("certificate", "the connection uses no TLS")
        return
    until = _expires(connection.info.hostaddr or connection.info.host, connection.info.port)
    said = f"the server's certificate is valid until {until:%Y-%m-%d}"
    if until < now():
        said = f"the server's certificate expired on {until:%Y-%m-%d}"
    if until < now() + EXPIRES_SOON:
        fix = "replace `ssl_cert_file` and `ssl_key_file` on the server, then: SELECT pg_reload_conf();"
        yield problem("certificate", said, fix)
    else:
        yield ok("certificate", said)


def _expires(host: str, port: int) -> datetime:
    from cryptography import x509  # noqa: PLC0415 - 40 ms, which only doctor needs

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # reads the date; libpq verifies
    try:
        with socket.create_connection((host, port), _HANDSHAKE_SECONDS) as plain:
            plain.sendall(_SSL_REQUEST)
            if plain.recv(1) != b"S":
                raise LedgerError("the server does not accept a request for TLS, so its certificate cannot be read")
            with context.wrap_socket(plain) as encrypted:
                der = encrypted.getpeercert(binary_form=True)
    except OSError as error:
        raise LedgerError(f"the server's certificate cannot be read: {type(error).__name__}") from None
    if not der:
        raise LedgerError("the server sends no certificate")
    return x509.load_der_x509_certificate(der).not_valid_after_utc


def pooler(session: DoctorSession) -> Iterator[Diagnosis]:
    """Whether the URL leads to a connection pooler that loses session state."""
    _ = session.connection  # does not wait again for a server that does not answer
    address = session.address
    with connect(address, "ctgitops/doctor", SETTINGS_PROBE) as connection:
        try:
            refuse_pooler(connection, address, lambda: connect(address, "ctgitops/doctor"))
        except UsageError as error:
            yield problem("pooler", error.what, error.hint)
            return
    yield ok("pooler", "no pooler in transaction mode")


def clock(session: DoctorSession, now: Callable[[], float] = time.time) -> Iterator[Diagnosis]:
    """The difference between the clocks of this machine and the server. The round trip limits its accuracy."""
    before = now()
    (at,) = session.row("select extract(epoch from clock_timestamp())::float8")
    after = now()
    ahead = float(str(at)) - (before + after) / 2
    seconds = max(abs(ahead) - (after - before) / 2, 0.0)
    if after < before or after - before > CLOCKS_DIFFER_SECONDS:
        yield unknown(
            "clock", "the round trip to the server takes too long to compare the clocks", "run `ctgitops doctor` again"
        )
    elif seconds > CLOCKS_DIFFER_SECONDS:
        which = "ahead of" if ahead > 0 else "behind"
        fix = "timedatectl set-ntp true   # on the machine whose clock is wrong"
        yield problem("clock", f"the server's clock is {seconds:.0f} s {which} this machine's", fix)
    else:
        yield ok("clock", f"the clocks differ by less than {CLOCKS_DIFFER_SECONDS:.0f} s")
