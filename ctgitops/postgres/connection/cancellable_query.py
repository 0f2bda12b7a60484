"""Sends one message with the simple query protocol. Reads all results in one round trip. Ctrl-C cancels the message.

To find the line of an error, this module needs the number of statements that completed before the error. psycopg's
cursors do not return that number, so this module uses `psycopg.pq`, psycopg's public interface to libpq.
"""

from __future__ import annotations

import contextlib
import random
import select
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import psycopg
from psycopg import pq

from ...errors import Cause
from ...lazy import dataclass
from ...sql.redact import redact_message
from .failure_cause import NOWHERE, Source, cause_of

if TYPE_CHECKING:
    from .connect import Connection

POLL_SECONDS = 1.0
CANCEL_SECONDS = 2.0
MOST_SAID = 8000
"""Maximum length of a server message in bytes. A RAISE can send megabytes, which would fill logs and the ledger."""
_COPIES = {pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT, pq.ExecStatus.COPY_BOTH}
_FAILED = {pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE}


@dataclass(frozen=True)
class Failure:
    """The server's error for the statement that failed."""

    message: str
    sqlstate: str = ""
    position: int | None = None
    """The position of the error in the message, in characters from 1."""
    detail: str = ""
    """DETAIL, HINT, WHERE and the query inside a function, one line each."""
    table: str = ""
    source: Source = NOWHERE
    stated: Cause | None = None
    """The cause, if ctgitops itself determined it. None if the cause must be derived from the server's answer."""
    inside: tuple[str, int] | None = None
    """The SQL inside a statement, such as the body of a DO block, and the position of the error in it, from 1."""

    @property
    def cause(self) -> Cause | None:
        """The cause of the failure. None if ctgitops does not distinguish this cause from others."""
        return self.stated or cause_of(self.sqlstate, self.source)


_LOST = Failure("the connection was lost", stated=Cause.CONNECTION_LOST)


@dataclass(frozen=True)
class Answer:
    """The result of a message: the number of completed statements, the results, and the failure, if any."""

    done: int
    results: tuple[pq.abc.PGresult, ...]
    failure: Failure | None = None
    lost: bool = False
    """Whether the connection is lost. The server may then have executed a COMMIT or not."""


class Interrupted(KeyboardInterrupt):
    """The user or the system stopped this run. The server cancelled the running statement."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("interrupted")
        self.answer = answer


def exchange(
    connection: Connection, message: str, meanwhile: Callable[[], None] = lambda: None, *, without_rows: bool = False
) -> Answer:
    """Sends `message`, reads all its results, and calls `meanwhile` about every second.

    `without_rows` discards rows: unreviewed SQL may return more than this machine's memory holds. A KeyboardInterrupt
    cancels the running statement, and raises Interrupted.
    """
    pgconn = connection.pgconn
    try:
        pgconn.send_query(message.encode())
        if without_rows:
            pgconn.set_single_row_mode()
        return answer_of(pgconn, meanwhile)
    except KeyboardInterrupt:
        raise Interrupted(_cancelled(connection)) from None
    except psycopg.OperationalError as error:
        return lost_with(error)


def lost_with(error: psycopg.OperationalError) -> Answer:
    """The answer of a message whose connection was lost with `error`."""
    return Answer(0, (), Failure(str(error).strip() or _LOST.message, stated=_LOST.stated), lost=True)


def exchange_or_rollback(connection: Connection, message: str) -> Answer:
    """Sends `message`. If it fails, rolls back the transaction that the message opened."""
    answer = exchange(connection, message)
    if answer.failure and not answer.lost:
        exchange(connection, "rollback")
    return answer


def rest(seconds: float, jitter: float = 0.0) -> None:
    """Sleeps for `seconds`, plus or minus a random part of at most `jitter`. Raises Interrupted on Ctrl-C."""
    try:
        time.sleep(seconds * random.uniform(1 - jitter, 1 + jitter))  # noqa: S311 - not a secret
    except KeyboardInterrupt:
        raise Interrupted(Answer(0, ())) from None


def _cancelled(connection: Connection) -> Answer:
    """Cancels the running message and returns its result. A second interrupt stops the wait for that result."""
    try:
        with contextlib.suppress(psycopg.Error):
            connection.cancel_safe(timeout=CANCEL_SECONDS)
        return answer_of(connection.pgconn)
    except (psycopg.OperationalError, KeyboardInterrupt):
        return Answer(0, (), _LOST, lost=True)


def answer_of(pgconn: pq.abc.PGconn, meanwhile: Callable[[], None] = lambda: None) -> Answer:
    """Reads all results of the message that was sent on `pgconn`."""
    results: list[pq.abc.PGresult] = []
    failure: Failure | None = None
    _flush(pgconn)
    while (result := _next(pgconn, meanwhile)) is not None:
        if result.status in _COPIES:
            pgconn.put_copy_end(b"ctgitops cannot feed COPY")
            continue
        if result.status in _FAILED:
            failure = failure or _failure(result)
        elif result.status != pq.ExecStatus.SINGLE_TUPLE:
            results.append(result)
    lost = pgconn.status != pq.ConnStatus.OK
    if lost and failure is None:
        failure = _LOST
    return Answer(len(results), tuple(results), failure, lost)


def _flush(pgconn: pq.abc.PGconn) -> None:
    while pgconn.flush():
        readable, _, _ = select.select([pgconn.socket], [pgconn.socket], [], POLL_SECONDS)
        if readable:
            pgconn.consume_input()


def _next(pgconn: pq.abc.PGconn, meanwhile: Callable[[], None]) -> pq.abc.PGresult | None:
    while pgconn.is_busy():
        readable, _, _ = select.select([pgconn.socket], [], [], POLL_SECONDS)
        if not readable:
            meanwhile()
        if readable and not consumed(pgconn):
            break
    return pgconn.get_result()


def consumed(pgconn: pq.abc.PGconn) -> bool:
    """Reads the server's data. Returns False if the connection is lost. Messages that arrived before stay readable."""
    try:
        pgconn.consume_input()
        while pgconn.notifies():  # libpq keeps them in memory, and a migration can NOTIFY itself millions of times
            pass
    except psycopg.OperationalError:
        return False
    return True


def _failure(result: pq.abc.PGresult) -> Failure:
    def said(field: pq.DiagnosticField) -> str:
        return _shown(result.error_field(field) or b"")

    fields = {
        "DETAIL": pq.DiagnosticField.MESSAGE_DETAIL,
        "HINT": pq.DiagnosticField.MESSAGE_HINT,
        "INSIDE": pq.DiagnosticField.INTERNAL_QUERY,
        "WHERE": pq.DiagnosticField.CONTEXT,
    }
    position = said(pq.DiagnosticField.STATEMENT_POSITION)
    internal = said(pq.DiagnosticField.INTERNAL_POSITION)
    return Failure(
        message=said(pq.DiagnosticField.MESSAGE_PRIMARY) or _shown(result.error_message).strip(),
        sqlstate=said(pq.DiagnosticField.SQLSTATE),
        position=int(position) if position else None,
        detail="\n".join(f"{name}: {text}" for name, field in fields.items() if (text := said(field))),
        table=said(pq.DiagnosticField.TABLE_NAME),
        source=Source(
            said(pq.DiagnosticField.SOURCE_FUNCTION),
            said(pq.DiagnosticField.SOURCE_FILE),
            said(pq.DiagnosticField.SOURCE_LINE),
        ),
        inside=(said(pq.DiagnosticField.INTERNAL_QUERY), int(internal)) if internal else None,
    )


def _shown(said: bytes) -> str:
    text = redact_message(said[:MOST_SAID].decode(errors="replace"))
    return f"{text}… ({len(said) - MOST_SAID:,} bytes more)" if len(said) > MOST_SAID else text


def rows(result: pq.abc.PGresult) -> list[tuple[str | None, ...]]:
    """The rows of a result, as text."""
    return [
        tuple(None if (value := result.get_value(row, column)) is None else value.decode() for column in range(width))
        for width in (result.nfields,)
        for row in range(result.ntuples)
    ]
