"""The run lock: an advisory lock on a separate connection, and a lease row that describes the run."""

from __future__ import annotations

import contextlib
import hashlib
import select
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

import psycopg
from psycopg.pq import TransactionStatus

from ... import __version__
from ...core.activity.interrupted_run import InterruptedRun
from ...core.activity.lock_holder import Holder
from ...core.run.activity_text import activity_text
from ...core.run.progress import Listener, LockAwaited, Progress
from ...errors import ApplyError, MustWaitError
from ..connection.identity import FACTS
from ..connection.names import AT_WORK
from .orphaned_backends import ORPHANS, ending, wait_for_orphans

if TYPE_CHECKING:
    from ...core.gate.request import Request
    from ..connection.connect import Address, Connection
    from ..connection.identity import Facts

RUN_LOCK = int.from_bytes(hashlib.sha256(b"ctgitops run lock").digest()[:8], signed=True)
"""The key of the advisory lock. All environments use the same key, because an advisory lock is local to a database."""

POLL_SECONDS = 0.5
_Unended = tuple[str, datetime, datetime, str, str, str]
_Row = tuple[int, datetime | None, str, str, str, bool]
LEASE_SECONDS = 2.0
"""Minimum interval in seconds between writes of the lease row. The row only informs people."""
LAST_BEAT_SECONDS = 5.0
"""How many seconds the end of a run waits for an unfinished write of the lease row."""

_TRY = "select pg_catalog.pg_try_advisory_lock(%s)"
_HOLDER = """
select a.pid, a.backend_start, coalesce(a.usename, ''), coalesce(a.application_name, ''),
       coalesce(pg_catalog.host(a.client_addr), 'local'), a.usename is not distinct from session_user
from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.objsubid = 1
  and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
  and (l.classid::bigint << 32 | l.objid::bigint) = %s
"""
_BUSY = f"""
select a.state || ' for '
       || extract(epoch from pg_catalog.clock_timestamp() - coalesce(a.xact_start, a.state_change))::int
from pg_catalog.pg_stat_activity a
where a.datname = pg_catalog.current_database() and a.usename = session_user and a.application_name ~ '{AT_WORK}'
  and a.state <> 'idle' and a.backend_start >= %s
order by a.xact_start limit 1
"""  # noqa: S608 - constants only
_HAS_LEASE = "select pg_catalog.to_regclass('ctgitops.lease') is not null"
_LEASE = """
select coalesce(actor, ''), coalesce(run_url, ''), coalesce(step, ''),
       extract(epoch from pg_catalog.clock_timestamp() - seen)::float8
from ctgitops.lease
where backend_pid = %(pid)s and (backend_start = %(began)s or (%(began)s::timestamptz is null and ended is null))
"""
UNENDED = """
select plan, since, seen, coalesce(actor, ''), coalesce(run_url, ''), coalesce(step, '')
from ctgitops.lease where ended is null and plan is not null and backend_pid <> pg_catalog.pg_backend_pid()
"""
_WRITE = """
insert into ctgitops.lease as l (actor, run_url, plan, step, tool_version, backend_pid, backend_start)
select %(actor)s, %(run_url)s, %(plan)s, %(step)s, %(tool_version)s, a.pid, a.backend_start
from pg_catalog.pg_stat_activity a where a.pid = pg_catalog.pg_backend_pid()
on conflict (one) do update set actor = excluded.actor, run_url = excluded.run_url, plan = excluded.plan,
    step = excluded.step, tool_version = excluded.tool_version,
    seen = excluded.seen, ended = null, backend_pid = excluded.backend_pid, backend_start = excluded.backend_start,
    since = case when l.backend_pid = excluded.backend_pid and l.backend_start = excluded.backend_start
                 then l.since else excluded.since end
"""
_OF_THE_HOLDER = f"""
a.pid = %(pid)s and a.backend_start = %(began)s
or a.application_name ~ '{AT_WORK}' and a.backend_start >= %(began)s
"""
_END = f"{ending(_OF_THE_HOLDER)} order by a.pid = %(pid)s desc"


def take(lock: Connection, address: Address, request: Request, tell: Listener) -> Facts | None:
    """Takes the run lock. Then waits for orphaned backends of a lost run. Returns facts that it read after that.

    Returns None instead of the facts if the run had to wait, because they may have changed.

    Polls for the lock, because a waiting lock request would deadlock with a CREATE INDEX CONCURRENTLY of the other run.
    """
    try:
        facts = _taken_at_once(lock)
        if facts is None:
            _poll(lock, address, request, tell)
            wait_for_orphans(lock, address, request, tell)
    except KeyboardInterrupt:
        what = f"the run was asked to stop while it waited for the run lock of {address.label}"
        raise MustWaitError(what, state="nothing was changed", hint="run the command again") from None
    return facts


def _taken_at_once(lock: Connection) -> Facts | None:
    """Takes the run lock, looks for orphaned backends and reads the facts, in one round trip.

    Returns None if another run holds the lock, if there are orphaned backends, or if a query fails: the caller then
    does the same step by step. Except in the first case, it may have taken the lock.
    """
    try:
        with lock.pipeline():
            taken = lock.execute(_TRY, [RUN_LOCK])
            orphans = lock.execute(ORPHANS, binary=True)
            facts = lock.execute(FACTS, binary=True)
    except psycopg.Error:
        if lock.closed:
            raise
        return None  # the role may not use the schema, which `ensure_ledger` reports
    free = taken.fetchone() == (True,) and not orphans.fetchall()
    return facts.fetchone() if free else None


def _poll(lock: Connection, address: Address, request: Request, tell: Listener) -> None:
    deadline = time.monotonic() + request.wait_for_lock.total_seconds()
    reported = False
    while not _try(lock):
        holder = holder_of(lock)
        if time.monotonic() >= deadline:
            what = f"another run holds the run lock of {address.label}: {holder or 'it ended just now'}"
            name = request.environment.name
            hint = f"wait until it ends, then run the command again; if it was killed, `ctgitops unlock --env {name}`"
            raise MustWaitError(what, state="nothing was changed", hint=hint)
        if not reported:
            tell(LockAwaited(str(holder or "it ended just now")))
            reported = True
        time.sleep(POLL_SECONDS)


def _try(lock: Connection) -> bool:
    return lock.execute(_TRY, [RUN_LOCK]).fetchone() == (True,)


def holder_of(connection: Connection) -> Holder | None:
    """The current holder of the run lock. Read-only."""
    with connection.pipeline():  # one transaction, so an error also undoes SET ROLE
        connection.execute("set role none")
        found = connection.execute(_HOLDER, [RUN_LOCK], binary=True)
        connection.execute("reset role")
    row = found.fetchone()
    if row is None:
        return None
    holder = Holder(*cast("_Row", row))
    with _as_session_user(connection):
        busy = connection.execute(_BUSY, [holder.began]).fetchone()
    holder = replace(holder, busy=f"{busy[0]} s" if busy else "")
    try:
        has_lease = connection.execute(_HAS_LEASE).fetchone()
        session = {"pid": holder.pid, "began": holder.began}
        lease = connection.execute(_LEASE, session).fetchone() if has_lease == (True,) else None
    except psycopg.errors.InsufficientPrivilege:
        lease = None
    if lease is None:
        return holder
    actor, run_url, step, silent = lease
    return replace(holder, actor=str(actor), run_url=str(run_url), step=str(step), silent=float(str(silent)))


@contextlib.contextmanager
def _as_session_user(connection: Connection) -> Iterator[None]:
    """Resets the role to the role of the URL within a block, because a role can terminate only its own sessions.

    Not for a pipeline, in which the connection has the status ACTIVE.
    """
    connection.execute("set role none")
    try:
        yield
    finally:
        # After a signal in the middle of a query, the connection is unusable, and its error would hide the signal
        if not connection.closed and connection.info.transaction_status is not TransactionStatus.ACTIVE:
            connection.execute("reset role")


def end(connection: Connection, holder: Holder) -> bool:
    """Terminates only the holder's sessions. Returns whether the session with the lock ended. Writes."""
    with _as_session_user(connection):
        connection.execute(_END, {"pid": holder.pid, "began": holder.began})
    now = holder_of(connection)
    return now is None or (now.pid, now.began) != (holder.pid, holder.began)


class Lease:
    """The lease row, which describes the run to waiting runs. A failed write is not an error."""

    def __init__(self, lock: Connection, request: Request) -> None:
        self.connection = self._lock = lock
        self._origin = request.origin
        self._written = 0.0
        self._step = ""
        self._plan = ""

    def find_interrupted(self, rows: list[tuple[object, ...]] | None) -> InterruptedRun | None:
        """The last run, if it began a plan and did not record its end. Needs the run lock.

        `rows` are those of UNENDED, or None if they were not read yet. `write` replaces the row, so only one run finds
        an interrupted run.
        """
        found = self._lock.execute(UNENDED, binary=True).fetchall() if rows is None else rows
        return InterruptedRun(*cast("_Unended", found[0])) if found else None

    def begin(self, plan: str) -> None:
        """Writes the fingerprint of the plan that the run begins. Until then, an end of the run changes nothing."""
        self._plan = plan
        self.write()
        self._written = 0.0  # the first step is written at once: an interrupted run must be known by its step

    def write(self) -> None:
        """Writes the run's current step and the current time. Can be called from any thread."""
        self._written = time.monotonic()
        origin = self._origin
        said = {"actor": origin.actor, "run_url": origin.run_url, "plan": self._plan, "step": self._step}
        values = {name: text or None for name, text in said.items()} | {"tool_version": __version__}
        self._say(_WRITE, values)

    def assert_held(self) -> None:
        """Checks without a round trip that the lock's connection is open. Raises ApplyError if it is not."""
        if _is_lost(self._lock):
            what = "the connection that holds the run lock was lost, so another run may start"
            state = "the ledger has every completed step; nothing more was started"
            raise ApplyError(what, state=state, hint="run the command again: it resumes from there")

    @contextlib.contextmanager
    def heartbeat(self, seconds: float) -> Iterator[None]:
        """Writes the row every `seconds` in a thread, to show that the run is alive. Stops at the end of the block."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(seconds):
                self.write()

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(LAST_BEAT_SECONDS)

    def ended(self) -> None:
        """Records that the run released the lock, with a result."""
        sql = "update ctgitops.lease set ended = now(), step = %(step)s where backend_pid = pg_catalog.pg_backend_pid()"
        self._say(sql, {"step": self._step or None})

    def publishing(self, tell: Listener) -> Listener:
        """A listener that writes to the row what the run is doing, and passes each event to `tell`."""

        def hear(progress: Progress) -> None:
            if text := activity_text(progress):
                self.set_activity(text)
            tell(progress)

        return hear

    def set_activity(self, step: str, /) -> None:
        """Sets the current step. Writes the row at once if the last write is older than LEASE_SECONDS."""
        self._step = step
        if time.monotonic() - self._written > LEASE_SECONDS:
            self.write()

    def _say(self, sql: str, values: dict[str, str | None]) -> None:
        try:
            self._lock.execute(sql.encode(), values)
        except psycopg.Error:
            return


def _is_lost(lock: Connection) -> bool:
    """Whether the connection is lost. First reads the messages that the server sent before the connection ended.

    Returns False while the heartbeat uses the connection, because libpq allows only one thread at a time. The next
    check then detects the loss.
    """
    if not lock.lock.acquire(blocking=False):
        return False
    try:
        while not lock.closed and select.select([lock.pgconn.socket], [], [], 0)[0]:
            lock.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    finally:
        lock.lock.release()
    return lock.closed
