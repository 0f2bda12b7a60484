"""Derives the cause of a server error from its SQLSTATE and from the server routine that raised it.

Both are fields of the protocol, and `lc_messages` does not translate them. The routines below have the same name in
PostgreSQL 14 to 18. If a name differs, both names are listed.
"""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from ...errors import Cause
from ...lazy import dataclass

LOCK_NOT_AVAILABLE, _CANCELLED = "55P03", "57014"
_BY_SQLSTATE = {
    LOCK_NOT_AVAILABLE: Cause.LOCK_TIMEOUT,
    _CANCELLED: Cause.CANCELLED,
    "57P01": Cause.CONNECTION_LOST,
    "57P02": Cause.CONNECTION_LOST,
    "57P03": Cause.SERVER_NOT_READY,
}
_CONNECTION_ENDED = ("08", "57P")
_BY_ROUTINE = {
    ("55000", "ExecOpenScanRelation"): Cause.NOT_POPULATED,
    # REFRESH … CONCURRENTLY, before 17 and since 17; both routines also refuse a table that is not a materialized view
    ("0A000", "ExecRefreshMatView"): Cause.NOT_POPULATED,
    ("0A000", "RefreshMatViewByOid"): Cause.NOT_POPULATED,
    ("0A000", "parse_extension_control_file"): Cause.EXTENSION_MISSING,
}


@dataclass(frozen=True)
class Source:
    """The place in PostgreSQL's source code that raised an error. Empty for an error that ctgitops itself raised."""

    routine: str = ""
    file: str = ""
    line: str = ""


NOWHERE = Source()


def source_of(error: psycopg.Error) -> Source:
    """The place in PostgreSQL's source code that raised `error`."""
    said = error.diag
    return Source(said.source_function or "", said.source_file or "", said.source_line or "")


def cause_of_loss(error: psycopg.OperationalError) -> Cause | None:
    """Why a query on an open connection failed. An error without SQLSTATE is libpq's, and means a lost connection."""
    return cause_of(error.sqlstate, source_of(error)) if error.sqlstate else Cause.CONNECTION_LOST


def cause_of_refusal(error: psycopg.OperationalError, parameters: Mapping[str, str]) -> Cause | None:
    """Why the server refused a connection. Uses PQping, because libpq does not return the SQLSTATE of a refusal."""
    if "closed the connection" in str(error):  # libpq's message, which is translated only if LC_MESSAGES is set
        return Cause.CONNECTION_LOST
    answer = pq.PGconn.ping(make_conninfo("", **parameters).encode())
    return Cause.SERVER_NOT_READY if answer == pq.Ping.REJECT else None


def cause_of(sqlstate: str, source: Source) -> Cause | None:
    """Why a statement failed. None if ctgitops does not distinguish this cause from others."""
    found = _BY_ROUTINE.get((sqlstate, source.routine)) or _BY_SQLSTATE.get(sqlstate)
    return found or (Cause.CONNECTION_LOST if sqlstate.startswith(_CONNECTION_ENDED) else None)
