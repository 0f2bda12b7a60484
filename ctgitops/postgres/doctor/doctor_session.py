"""The read-only session in which the checks of one database run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import LiteralString, cast

from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo

from ...errors import CtgitopsError, LedgerError
from ..connection.connect import Address, Connection, connect
from ..connection.one_server import parameters_of
from ..connection.set_role import as_role

CONNECT_SECONDS = "4"
"""The time limit of one connection attempt, in seconds.

This is less than half the time limit of a check, because libpq may try twice, with TLS and without TLS.
"""
_SETTINGS = {
    "default_transaction_read_only": "on",
    "search_path": "pg_catalog",
    "statement_timeout": "8s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "0",
}
_NOT_REACHED = "the database could not be reached"


class DoctorSession:
    """A connection that is opened on first use. If it was refused, every later use raises LedgerError at once."""

    def __init__(self, address_of: Callable[[], Address], role: str = "") -> None:
        self._address_of = address_of
        self._role = role
        self._connection: Connection | None = None
        self._refused = False

    @cached_property
    def original(self) -> Address:
        """The address as the variable contains it. Raises UsageError if the variable is not set."""
        return self._address_of()

    @cached_property
    def address(self) -> Address:
        """The address with a short time limit for connecting."""
        parameters = _parameters(self.original)
        if not parameters or "connect_timeout" in parameters:
            return self.original
        return replace(self.original, url=make_conninfo(self.original.url, connect_timeout=CONNECT_SECONDS))

    def open(self) -> Connection:
        """Opens the connection. Raises UsageError for an invalid URL, LedgerError if the server cannot be reached."""
        self._refused = True
        self._connection = connect(as_role(self.address, self._role), "ctgitops/doctor", _SETTINGS)
        self._refused = False
        return self._connection

    @property
    def connection(self) -> Connection:
        """The open connection. Raises LedgerError if the connection was refused before."""
        if self._refused:
            raise LedgerError(_NOT_REACHED)
        if self._connection is None:
            self._refused = True
            return self.open()
        return self._connection

    def rows(self, query: LiteralString, *values: object) -> list[tuple[object, ...]]:
        """All rows of a query."""
        return self.connection.execute(query, values or None, binary=True).fetchall()

    def row(self, query: LiteralString, *values: object) -> tuple[object, ...]:
        """The first row of a query that always returns a row."""
        return self.rows(query, *values)[0]

    def texts(self, query: LiteralString, *values: object) -> list[str]:
        """The first column of a query, as text."""
        return [cast("str", row[0]) for row in self.rows(query, *values)]

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.close()


def _parameters(address: Address) -> dict[str, str]:
    """The parameters of a URL. Empty for an invalid URL, which `connect` refuses with a better message."""
    try:
        return parameters_of(address.url)
    except ProgrammingError:
        return {}


def refusal(session: DoctorSession) -> CtgitopsError | None:
    """The error of a connection attempt. None if the server accepts it. Raises UsageError without an address."""
    _ = session.original
    try:
        session.open()
    except CtgitopsError as error:
        return error
    return None
