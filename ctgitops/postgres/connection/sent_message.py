"""Messages that run at the same time, each on its own connection. One thread waits for all of them."""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Collection
from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import TransactionStatus

from .cancellable_query import CANCEL_SECONDS, POLL_SECONDS, Answer, answer_of, consumed, lost_with

if TYPE_CHECKING:
    from .connect import Connection


CANCEL_ALL_SECONDS = 10.0
"""How long `cancel_all` waits. A server that does not answer must not keep a run from its end."""


class SentMessage:
    """A message of one statement that the server executes. Does not wait for the answer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.answer: Answer | None = None
        """The server's answer. None while the statement runs."""

    def send(self, message: str) -> None:
        """Sends the message. If Ctrl-C interrupts this method, `cancel_all` cancels what was sent."""
        connection = self._connection
        try:
            connection.pgconn.send_query(message.encode())
            while connection.pgconn.flush():
                select.select([], [connection.pgconn.socket], [], POLL_SECONDS)
        except psycopg.OperationalError as error:
            self.answer = lost_with(error)

    def fileno(self) -> int:
        """The socket, for `select`."""
        return self._connection.pgconn.socket

    def read(self) -> None:
        """Reads what has arrived. Sets `answer` if the statement has ended."""
        pgconn = self._connection.pgconn
        try:
            if not consumed(pgconn) or not pgconn.is_busy():
                self.answer = answer_of(pgconn)
        except psycopg.OperationalError as error:
            self.answer = lost_with(error)

    @property
    def runs(self) -> bool:
        """Whether the message was sent, and has no answer yet."""
        return self.answer is None and self._connection.info.transaction_status is TransactionStatus.ACTIVE

    def cancel(self) -> None:
        """Asks the server to cancel the statement. Does not wait until the statement has ended."""
        with contextlib.suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=CANCEL_SECONDS)


def wait_for_any(sent: Collection[SentMessage]) -> bool:
    """Waits until a message has an answer, for about a second at most. Returns whether anything arrived."""
    running = [each for each in sent if each.answer is None]
    if len(running) < len(sent):
        return True
    readable, _, _ = select.select(running, [], [], POLL_SECONDS)
    for each in readable:
        each.read()
    return bool(readable)


def cancel_all(sent: Collection[SentMessage]) -> None:
    """Cancels all running messages, and waits until each has ended, for at most CANCEL_ALL_SECONDS.

    Repeats the request: a server ignores a request that arrives before the backend has begun the statement.
    """
    deadline = time.monotonic() + CANCEL_ALL_SECONDS
    while (running := [each for each in sent if each.runs]) and time.monotonic() < deadline:
        for each in running:
            each.cancel()
        wait_for_any(running)
