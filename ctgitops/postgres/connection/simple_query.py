"""Sends one message with the simple query protocol and reads all results in one round trip. It can be cancelled.

psycopg's cursors do not tell how many statements of a message completed before one failed, and that number is needed to
find the line of the error. So this module uses `psycopg.pq`, psycopg's public interface to libpq.
"""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from psycopg import pq

from ...sql.redact import redact_message
from .connect import Connection

POLL_SECONDS = 1.0
CANCEL_SECONDS = 2.0
MOST_SAID = 8000
"""So many bytes of a text of the server go on: a RAISE can say megabytes, which a log and the ledger would get."""
_COPIES = {pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT, pq.ExecStatus.COPY_BOTH}
_FAILED = {pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE}


@dataclass(frozen=True)
class Failure:
    """What the server said of the statement that failed."""

    message: str
    sqlstate: str = ""
    position: int | None = None
    """Where in the message, in characters from 1."""
    detail: str = ""
    """DETAIL, HINT, WHERE and the query inside of a function, a line each."""
    table: str = ""
    inside: tuple[str, int] | None = None
    """SQL inside of a statement, such as the body of a DO block, and the position of the error in it, from 1."""


@dataclass(frozen=True)
class Answer:
    """How a message went: statements done before one failed, rows of the last query, and the failure if any."""

    done: int
    results: tuple[pq.abc.PGresult, ...]
    failure: Failure | None = None
    lost: bool = False
    """The connection is gone, and with it the knowledge whether a COMMIT in the message was carried out."""


class Interrupted(KeyboardInterrupt):
    """Somebody asked this run to stop; the running statement was cancelled on the server."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("interrupted")
        self.answer = answer


def exchange(
    connection: Connection, message: str, meanwhile: Callable[[], None] = lambda: None, *, without_rows: bool = False
) -> Answer:
    """Sends `message`, waits for all its answers, and calls `meanwhile` about every second.

    Of SQL that nobody reviewed no row is kept: it may return more than this machine has room for. After a
    KeyboardInterrupt nothing runs, and Interrupted is raised.
    """
    pgconn = connection.pgconn
    try:
        pgconn.send_query(message.encode())
        if without_rows:
            pgconn.set_single_row_mode()
        return _answers(pgconn, meanwhile)
    except KeyboardInterrupt:
        raise Interrupted(_cancelled(connection)) from None
    except psycopg.OperationalError as error:
        return Answer(0, (), Failure(str(error).strip() or "the connection was lost"), lost=True)


def rest(seconds: float) -> None:
    """Does nothing for a while. Raises Interrupted where somebody asks this run to stop."""
    try:
        time.sleep(seconds)
    except KeyboardInterrupt:
        raise Interrupted(Answer(0, ())) from None


def _cancelled(connection: Connection) -> Answer:
    """How a message went that was cancelled; who is asked to stop once more does not wait for that."""
    try:
        with contextlib.suppress(psycopg.Error):
            connection.cancel_safe(timeout=CANCEL_SECONDS)
        return _answers(connection.pgconn)
    except (psycopg.OperationalError, KeyboardInterrupt):
        return Answer(0, (), Failure("the connection was lost"), lost=True)


def _answers(pgconn: pq.abc.PGconn, meanwhile: Callable[[], None] = lambda: None) -> Answer:
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
        failure = Failure("the connection was lost")
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
        if readable and not _consumed(pgconn):
            break
    return pgconn.get_result()


def _consumed(pgconn: pq.abc.PGconn) -> bool:
    """False: the connection is gone. What the server said before, such as why, is then still to be had."""
    try:
        pgconn.consume_input()
        while pgconn.notifies():  # they would be kept, and a migration can LISTEN to millions of its own
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
