"""Opens connections. The message of a connection error has a hint, and contains no secret."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from types import TracebackType
from urllib.parse import unquote

import psycopg
from psycopg.pq import TransactionStatus

from ...errors import LedgerError, UsageError
from ...lazy import dataclass, regex
from . import one_server
from .failure_cause import cause_of_loss, cause_of_refusal
from .session_pooler import PooledConnection, apply_settings, dropped_by_pooler, no_ipv6_advice

Connection = psycopg.Connection[tuple[object, ...]]
Cursor = psycopg.Cursor[tuple[object, ...]]

_MISREAD = regex(r"\w+://(?:[^/?#@]*@[^?#]*@|[^/?#@]*@[^?#]*[?#][^=]*@|[^/?#@]*:[^/?#@]*[/?#][^?#]*@)", re.DOTALL)
"""Matches a URL with a character in its password that must be URL-encoded: `@`, `/`, `?` or `#`."""

_BARE_IPV6 = regex(
    r"postgres(?:ql)?://(?:[^/?#]*@)?(?:[^/?#,@]*,)*(?=[^,/?#]*:[^,/?#]*:)[0-9a-f:.]+(?:%[^,/?#]*)?(?:[,/?#]|\Z)",
    re.IGNORECASE,
)
"""Matches a URL whose host is an IPv6 address without brackets. The end of such an address is ambiguous."""


class _OurConnection(PooledConnection):
    """A connection that is closed without a ROLLBACK if a command is still in progress, for example after Ctrl-C.

    The server would refuse this ROLLBACK. The end of the connection rolls back the transaction.
    """

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind and self.info.transaction_status is TransactionStatus.ACTIVE:
            self.close()
            return
        super().__exit__(kind, error, trace)


KEEPALIVES = {"keepalives": "1", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}
KEEPALIVES |= {"tcp_user_timeout": "60000"}
"""The client detects a dead server within a minute with these parameters, even while sent data is unacknowledged."""
SERVER_KEEPALIVES = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}
SERVER_KEEPALIVES |= {"tcp_user_timeout": "60000"}
"""The server detects a dead client with these settings, and frees the run lock in a minute instead of two hours."""
OLDEST_MAJOR = 14
"""The oldest supported major version. Older servers lack `pg_read_all_data`, and are not tested."""
CONNECT_TIMEOUT_SECONDS = 15
SHORTEST_SECRET = 3
"""Minimum length of a password that messages mask. A shorter password may be part of many words."""


@dataclass(frozen=True)
class Address:
    """The location of a database. `url` is a secret and is never printed. Messages print `label` instead."""

    url: str = field(repr=False)
    label: str
    """The name of the database in messages, such as `staging (STAGING_DATABASE_URL)`."""
    role: str = ""
    """The role that each session sets with SET ROLE. If empty, the session keeps the role of the URL."""

    def hidden(self, text: str) -> str:
        """`text` with `***` in place of the URL and its password, whether they are plain or URL-encoded."""
        for secret in sorted(_secrets_in(self.url), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def connect(
    address: Address, application: str, settings: Mapping[str, str] | None = None, *, database: str | None = None
) -> Connection:
    """Opens a connection in autocommit mode. `settings` are the session's defaults, which RESET and DISCARD restore.

    Raises UsageError for an invalid URL, and LedgerError if the server cannot be reached or refuses the connection.
    """
    parameters = on_one_server(address)
    options = [parameters.get("options", ""), *(f"-c {name}={value}" for name, value in (settings or {}).items())]
    extra = {name: value for name, value in KEEPALIVES.items() if name not in parameters}
    if database:
        extra["dbname"] = database
    try:
        connection = _connect_with({**parameters, **extra}, " ".join(filter(None, options)), application)
    except psycopg.OperationalError as error:
        raise _unreachable(address, error, parameters) from None
    if (version := connection.info.server_version) < OLDEST_MAJOR * 10_000:
        connection.close()
        raise unsupported(address, version)
    return connection


def unsupported(address: Address, version: int) -> LedgerError:
    """The error for a server that is older than `OLDEST_MAJOR`. `version` is its `server_version_num`."""
    number = f"{version // 10_000}" if version >= 100_000 else f"{version // 10_000}.{version // 100 % 100}"
    what = f"{address.label} runs PostgreSQL {number}; ctgitops needs {OLDEST_MAJOR} or newer"
    return LedgerError(
        what, state="nothing was changed", hint="upgrade the server with pg_upgrade, or dump and restore"
    )


def _connect_with(parameters: Mapping[str, str], options: str, application: str) -> Connection:
    """Connects with the startup parameter `options`, or sets its settings by SQL if a pooler would drop them."""
    parameters = {**parameters, "options": options}
    dropped = dropped_by_pooler(parameters)
    if dropped is None:
        return _connect(parameters, application)
    options, settings = dropped
    connection = _connect({**parameters, "options": options}, application)
    apply_settings(connection, settings)
    return connection


def _connect(parameters: Mapping[str, str], application: str) -> _OurConnection:
    return _OurConnection.connect(
        autocommit=True,
        prepare_threshold=None,
        **{"connect_timeout": str(CONNECT_TIMEOUT_SECONDS), **_without(parameters, "application_name")},  # type: ignore[arg-type]
        application_name=application,
        client_encoding="utf8",
    )


def on_one_server(address: Address) -> dict[str, str]:
    """The parameters that let every connection of this run reach the same server.

    Raises UsageError for an invalid URL, LedgerError if no server can be reached.
    """
    _refuse_misread(address)
    parameters = one_server.parameters_of(address.url)
    try:
        pinned = one_server.on_one_server(address.url, lambda: _connect(parameters, "ctgitops/read"))
    except psycopg.OperationalError as error:
        raise _unreachable(address, error, parameters) from None
    return pinned if not address.role else {**pinned, "options": _with_role(pinned, address.role)}


def _with_role(parameters: Mapping[str, str], role: str) -> str:
    """The startup options with the role added. RESET ROLE and DISCARD ALL then return to this role.

    A value in the options ends at white space, unless a backslash precedes it.
    """
    escaped = re.sub(r"([\\\s])", r"\\\1", role)
    return f"{parameters.get('options', '')} -c role={escaped}".strip()


@contextlib.contextmanager
def connected(
    address: Address, application: str, settings: Mapping[str, str] | None = None, *, database: str | None = None
) -> Iterator[Connection]:
    """A connection for the duration of a block. Raises `connect`'s errors, and LedgerError on a lost connection."""
    with connect(address, application, settings, database=database) as connection, lost_as_error(address):
        yield connection


@contextlib.contextmanager
def lost_as_error(address: Address) -> Iterator[None]:
    """Converts the loss of a connection during a query into a LedgerError."""
    try:
        yield
    except psycopg.OperationalError as error:
        said = " ".join(address.hidden(str(error)).split())
        what = f"{address.label} did not answer: {said}"
        hint = "run the command again"
        if "statement pooling mode" in said:
            hint = "PgBouncer is in statement mode: use the URL of the server itself"
        lost = LedgerError(what, state="nothing was changed", hint=hint)
        lost.cause = cause_of_loss(error)
        raise lost from None


@contextlib.contextmanager
def refused_as_error(address: Address) -> Iterator[None]:
    """Converts any PostgreSQL error in the creation of a sandbox into a LedgerError."""
    try:
        with lost_as_error(address):
            yield
    except psycopg.Error as error:
        said = " ".join((error.diag.message_primary or str(error)).split())
        what = f"cannot create the sandbox: {address.hidden(said)}"
        hint = "set `shadow: {url: …}` or `shadow: {image: …}` to use another server"
        raise LedgerError(what, state="no real database was changed", hint=hint) from None


def _refuse_misread(address: Address) -> None:
    if _BARE_IPV6.match(address.url):
        what = f"the value for {address.label} has an IPv6 address without brackets"
        raise UsageError(what, hint="write the address in brackets: postgresql://USER:PASSWORD@[::1]:5432/DATABASE")
    try:
        if _MISREAD.match(address.url):
            # libpq would parse part of the password as the host, and print it
            raise psycopg.ProgrammingError
        one_server.parameters_of(address.url)
    except psycopg.ProgrammingError:
        what = f"the value for {address.label} is not a PostgreSQL URL"
        hint = (
            "the format is postgresql://USER:PASSWORD@HOST:5432/DATABASE; in the password, write @ as %40, / as %2F, "
            "? as %3F, # as %23, : as %3A"
        )
        raise UsageError(what, hint=hint) from None


def _without(parameters: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if name not in {*names, "client_encoding"}}


def _unreachable(address: Address, error: psycopg.OperationalError, parameters: Mapping[str, str]) -> LedgerError:
    said = address.hidden(str(error)).strip()
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["no reason given"]
    attempts = [line.removeprefix("- ") for line in lines if line.startswith("- ")]
    what = f"cannot connect to {address.label}: {'; '.join(attempts) or lines[0]}"
    unreachable = LedgerError(
        what,
        state="nothing was read or changed",
        hint=no_ipv6_advice(parameters.get("host", ""), said) or _advice(said),
    )
    unreachable.cause = cause_of_refusal(error, {"connect_timeout": str(CONNECT_TIMEOUT_SECONDS), **parameters})
    return unreachable


def _advice(said: str) -> str:
    advice = {
        r"session is (not )?read-only|server is (not )?in hot standby": "no host in that URL matches "
        "`target_session_attrs` (or PGTARGETSESSIONATTRS): check which host is the primary, or change that value",
        r"password authentication failed|no password supplied": "correct the user and password in that secret",
        r"could not translate host|Name or service not known|failed to resolve host": "check the host in that secret",
        r"Connection refused|timeout expired|No such file": "check host and port, and that this machine can reach them",
        r'database "[^"]*" does not exist': "create the database, or correct its name in that secret",
        r'role "[^"]*" does not exist': "create the role with the SQL that `ctgitops roles` prints, or "
        "correct the user in that secret",
        r"not permitted to log in": "ALTER ROLE … LOGIN, or correct the user in that secret",
        r"no pg_hba.conf entry|pg_hba.conf rejects": "allow this machine, user and database in the server's "
        "pg_hba.conf, or in the provider's firewall; if it says `no encryption`, add sslmode=require to the URL",
        r"does not support SSL|SSL (error|SYSCALL)|certificate": "correct `sslmode` and the certificates in that URL",
        r"permission denied for database": "GRANT CONNECT ON DATABASE … TO that role",
        r"unsupported startup parameter": "PgBouncer rejects startup parameters: use the URL of the server itself",
        r"too many (connections|clients)|remaining connection slots": "wait for free connections, then retry",
        r"starting up|shutting down|in recovery": "wait until the server accepts connections, then retry",
    }
    return next(
        (hint for pattern, hint in advice.items() if re.search(pattern, said)),
        "check the URL in that secret, and the log of the server, then run the command again",
    )


def _secrets_in(url: str) -> set[str]:
    """The URL and its password. Leaves out a password that equals the user name, which messages must show."""
    secrets = {url}
    try:
        parameters = one_server.parameters_of(url)
    except psycopg.ProgrammingError:
        parameters = {}
    secrets.add(parameters.get("password", ""))
    for match in re.finditer(r"://[^:/@]*:(.*)@", url):
        secrets |= {match[1], unquote(match[1])}
    names = {parameters.get(name, "") for name in ("user", "dbname", "host")}
    return {secret for secret in secrets - names if len(secret) >= SHORTEST_SECRET}
