"""One environment's database: read without a lock, changed only while holding the run lock."""

from __future__ import annotations

import contextlib
import hashlib
import select
import time
from collections.abc import Iterator

import psycopg

from ..core.environment import Timeouts
from ..core.ledger import Ledger
from ..core.progress import Listener, LockAwaited
from ..core.request import Request
from ..core.snapshot import Snapshot
from ..errors import ApplyError, MustWaitError
from .connect import Address, Connection, connect, told_if_lost
from .ledger import ensure_ledger, read_ledger
from .session import WorkSession
from .snapshot import take_snapshot

RUN_LOCK = int.from_bytes(hashlib.sha256(b"ctgitops run lock").digest()[:8], signed=True)
"""Advisory locks belong to one database, so one constant serves every environment."""

POLL_SECONDS = 0.5
_IDLE = {"idle_session_timeout": "0"}
"""The lock's connection does nothing for as long as a migration takes, and the other one while the backup is taken."""

_HOLDER = """
select a.pid, a.usename, a.application_name, coalesce(host(a.client_addr), 'local'), a.backend_start
from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.objsubid = 1
  and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
  and (l.classid::bigint << 32 | l.objid::bigint) = %s
"""


class PostgresDatabase:
    """The database at `address`."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def ledger(self) -> Ledger:
        """All entries. Read-only, takes no lock."""
        settings = {"default_transaction_read_only": "on"}
        with connect(self._address, "ctgitops/read", settings) as connection, told_if_lost(self._address):
            return read_ledger(connection, self._address)

    def snapshot(self) -> Snapshot:
        """Its schema, all of one moment. Read-only, takes no lock."""
        return take_snapshot(self._address)

    @contextlib.contextmanager
    def exclusively(self, request: Request, tell: Listener) -> Iterator[WorkSession]:
        """Takes the run lock on a connection of its own and makes or upgrades the ledger. Writes."""
        with connect(self._address, "ctgitops/lock", _IDLE) as lock:
            with told_if_lost(self._address):
                _take(lock, self._address, request, tell)
                ensure_ledger(lock, self._address)
            session = WorkSession(
                self._address,
                request,
                open_connection=lambda: self._open_for_work(request.environment.timeouts),
                hold=lambda: _still_held(lock),
                tell=tell,
            )
            try:
                yield session
            finally:
                session.close()

    def _open_for_work(self, timeouts: Timeouts) -> Connection:
        settings = {
            **_IDLE,
            "lock_timeout": f"{round(timeouts.lock.total_seconds() * 1000)}ms",
            "statement_timeout": f"{round(timeouts.statement.total_seconds() * 1000)}ms",
            "idle_in_transaction_session_timeout": "0",
            "client_connection_check_interval": "2s",
        }
        return connect(self._address, "ctgitops/apply", settings)


def _take(lock: Connection, address: Address, request: Request, tell: Listener) -> None:
    """Asks again and again: a blocking request and CREATE INDEX CONCURRENTLY in the other run would deadlock."""
    try:
        _poll(lock, address, request, tell)
    except KeyboardInterrupt:
        what = f"the run was asked to stop while it waited for the lock of {address.label}"
        raise MustWaitError(what, state="nothing was changed", hint="run the same again") from None


def _poll(lock: Connection, address: Address, request: Request, tell: Listener) -> None:
    deadline = time.monotonic() + request.wait_for_lock.total_seconds()
    told = False
    while not _try(lock):
        holder = _holder(lock)
        if time.monotonic() >= deadline:
            what = f"another run holds the lock of {address.label}: {holder}"
            hint = "wait for it to end, then run the same again"
            raise MustWaitError(what, state="nothing was changed", hint=hint)
        if not told:
            tell(LockAwaited(holder))
            told = True
        time.sleep(POLL_SECONDS)


def _try(lock: Connection) -> bool:
    row = lock.execute("select pg_catalog.pg_try_advisory_lock(%s)", [RUN_LOCK]).fetchone()
    return bool(row and row[0])


def _holder(lock: Connection) -> str:
    row = lock.execute(_HOLDER, [RUN_LOCK], binary=True).fetchone()
    if row is None:
        return "it ended just now"
    pid, user, application, host, since = row
    return f"backend {pid}, {application or 'no application name'}, user {user} from {host}, since {since:%H:%M:%S %Z}"


def _is_gone(lock: Connection) -> bool:
    """Reads all that the server said unasked; its last words come before the end of the connection."""
    try:
        while not lock.closed and select.select([lock.pgconn.socket], [], [], 0)[0]:
            lock.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return lock.closed


def _still_held(lock: Connection) -> None:
    """Looks whether the lock's connection is still there, without a round trip. Raises ApplyError when it is not."""
    if _is_gone(lock):
        what = "the connection that holds the run lock is gone, so another run may begin"
        state = "what was done until now is in the ledger; nothing more was begun"
        raise ApplyError(what, state=state, hint="run the same again: it goes on from there")
