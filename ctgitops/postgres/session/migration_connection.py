"""The connection that runs migrations, with the manifest's `lock_timeout` and `statement_timeout`.

If the connection breaks, ctgitops connects again and terminates the lost backend.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import TransactionStatus

from ...errors import ApplyError, Cause, CtgitopsError, LedgerError
from ...lazy import dataclass
from ..connection.cancellable_query import Interrupted, exchange, exchange_or_rollback, rows
from ..connection.connect import SERVER_KEEPALIVES, Address, Connection, connect, lost_as_error
from ..connection.names import AT_WORK, WORK
from ..connection.session_pooler import restoring_after_reset
from ..ledger.ledger import read_ledger
from ..lock.orphaned_backends import ending
from ..transaction.message import CLEAN, FLUSH, OWN_PATH
from ..transaction.step_failure import names

if TYPE_CHECKING:
    from ...core.environment.environment import Timeouts
    from ...core.ledger.ledger import Ledger

STAYS_IDLE = {"idle_session_timeout": "0"}
"""Settings that allow a connection to be idle for a long time.

The run lock's connection is idle during a migration. The migrations' connection is idle during the backup.
"""


def connect_with_timeouts(address: Address, timeouts: Timeouts, more: Mapping[str, str]) -> Connection:
    """Opens a connection for migrations. Its defaults include the manifest's `lock_timeout` and `statement_timeout`.

    `more` contains further settings, such as those with which the server writes English messages.
    """
    settings = {
        **STAYS_IDLE,
        "lock_timeout": f"{round(timeouts.lock.total_seconds() * 1000)}ms",
        "statement_timeout": f"{round(timeouts.statement.total_seconds() * 1000)}ms",
        "idle_in_transaction_session_timeout": "0",
        "client_connection_check_interval": "2s",
        **SERVER_KEEPALIVES,
        **more,
    }
    return connect(address, WORK, settings)


@dataclass
class RunState:
    """What a run has completed so far in one environment. Error messages show this state."""

    environment: str
    began: bool = False
    done: list[str] = field(default_factory=list)
    """Names of committed migrations and seed files, in order."""
    safe: int = 0
    """How many names at the start of `done` belong to commits that are on disk, as the server has confirmed."""
    lost: list[str] = field(default_factory=list)
    """Names of migrations and seed files whose commits a server crash has lost."""
    forward: bool = True
    transaction_parts: int = 0
    """The number of migrations and seed files in the current transaction. 0 if each has a separate transaction."""

    @property
    def text(self) -> str:
        """The start of a sentence, such as `in staging, 001_one done; `."""
        kinds = (
            (self.done[: self.safe], "done"),
            (self.done[self.safe :], "committed, but not confirmed to be on the server's disk (the next run checks)"),
            (self.lost, "committed, but lost when the server crashed before they were on its disk"),
        )
        return f"in {self.environment}, " + "".join(f"{names(some)} {what}; " for some, what in kinds if some)

    def begin(self, *, forward: bool) -> None:
        """Starts a new plan. `forward` is set if the plan applies migrations."""
        self.began, self.forward = True, forward
        self.done.clear()
        self.lost.clear()
        self.safe = self.transaction_parts = 0

    def finished(self, *done: str, on_disk: bool) -> None:
        """Adds the names of committed migrations. With `on_disk`, the last commit and all before it are on disk."""
        self.done += done
        if on_disk:
            self.safe = len(self.done)

    def recovered(self, recorded: frozenset[str]) -> None:
        """Moves names that are not in `recorded` from `done` to `lost`. A server crash may lose the newest commits."""
        self.lost = [name for name in self.done if name not in recorded]
        self.safe = sum(name in recorded for name in self.done[: self.safe])
        self.done = [name for name in self.done if name in recorded]

    def lock_lost(self, error: ApplyError) -> ApplyError:
        """Adds to the state in the error what this run has completed."""
        if self.done:
            error.state = f"{self.text}nothing more was started"
            error.applied = tuple(self.done[: self.safe]) if self.forward else ()
        return error

    def cut_off(self, error: LedgerError) -> CtgitopsError:
        """Corrects the state in an error. Its text `nothing was changed` is false if a plan has begun."""
        if not self.began:
            return error
        state = f"{self.text}the ledger shows what else is done"
        cut = ApplyError(error.what, state=state, hint="run the command again: it checks that, and resumes from there")
        cut.cause = error.cause
        return cut


def _is_idle(connection: Connection) -> bool:
    """Whether the connection is open and without a transaction."""
    return not connection.closed and connection.info.transaction_status is TransactionStatus.IDLE


class MigrationConnection:
    """The run's connection to one database. If the connection is lost, `open_connection` opens a new one."""

    def __init__(self, address: Address, open_connection: Callable[[], Connection], run_state: RunState) -> None:
        self._address = address
        self._open = open_connection
        self._run_state = run_state
        self._connection: Connection | None = None
        self._backend = 0
        self.unflushed = False
        """Whether the run has made a commit that did not wait for the disk."""

    def connected(self) -> Connection:
        """The open connection. Opens a new connection if none is open."""
        if self._connection is None or self._connection.closed:
            try:
                self._connection = self._open()
            except LedgerError as error:
                raise self._run_state.cut_off(error) from None
            self._backend = self._connection.info.backend_pid
        return self._connection

    def ledger(self) -> Ledger:
        """Reads all entries."""
        connection = self.connected()
        try:
            with lost_as_error(self._address):
                return self._read(connection)
        except LedgerError as error:
            raise self._run_state.cut_off(error) from None

    def _read(self, connection: Connection) -> Ledger:
        """Reads the ledger with OWN_PATH, because migrations may have changed the session's search path."""
        connection.execute(f"begin; {OWN_PATH}".encode())
        try:
            return read_ledger(connection, self._address)
        finally:
            if not connection.closed:
                connection.execute("commit")  # in an aborted transaction, COMMIT rolls back

    def reporting(self, assert_lock_held: Callable[[], None]) -> Callable[[], None]:
        """Wraps `assert_lock_held`. The error of the wrapper also lists what this run has completed."""

        def reported() -> None:
            try:
                assert_lock_held()
            except ApplyError as error:
                with contextlib.suppress(psycopg.Error, CtgitopsError, Interrupted):
                    self.flush()
                raise self._run_state.lock_lost(error) from None

        return reported

    def close(self) -> None:
        """Closes the connection after all commits are on disk."""
        if self._connection is not None:
            with contextlib.suppress(Interrupted):
                self.flush()
            self._connection.close()
            self._connection = None

    def notify(self, notification: str) -> None:
        """Sends a NOTIFY after the run's commits. Does nothing without a working connection: the run is complete."""
        if self._run_state.done and self._connection is not None and _is_idle(self._connection):
            exchange_or_rollback(self._connection, notification)

    def flush(self) -> None:
        """Waits until all commits are on the server's disk. Does nothing without a working connection."""
        if self.unflushed and self._connection is not None and _is_idle(self._connection):
            answer = exchange_or_rollback(self._connection, FLUSH)
            self.unflushed = answer.failure is not None
        if not self.unflushed:
            self._run_state.safe = len(self._run_state.done)

    def end_transaction(self, *, lost: bool) -> None:
        """Rolls back an unfinished transaction. With `lost`, terminates the backend instead."""
        if lost:
            self._end_backend()
        elif self._connection is not None and not self._connection.closed:
            exchange(self._connection, f"rollback; {CLEAN}{restoring_after_reset(self._connection)}")

    def _end_backend(self) -> None:
        """Terminates the lost backend. Otherwise, the backend would continue its statement and might commit."""
        backend = self._backend
        self.close()
        end = ending(f"a.pid = {backend} and a.application_name ~ '{AT_WORK}'")
        answer = exchange(self.connected(), f"begin; {OWN_PATH}; set local role none; {end}; commit")
        if answer.failure or any(row != ("t",) for result in answer.results for row in rows(result)):
            what = f"backend {backend} of {self._address.label}, whose connection was lost, does not terminate"
            error = LedgerError(what)
            error.cause = Cause.CONNECTION_LOST
            raise self._run_state.cut_off(error)
