"""Waits for, or terminates, the backends of an earlier run that was lost. A backend may still commit its work."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, cast

from ...core.activity.orphaned_backend import Orphan
from ...core.run.progress import Listener, OrphanAwaited
from ...errors import MustWaitError
from ..connection.names import AT_WORK

if TYPE_CHECKING:
    from ...core.gate.request import Request
    from ..connection.connect import Address, Connection

# Only the holder of the run lock works, so before it begins, any working backend is an orphan of another run. A role
# may not see the query of another role's backend, but it sees that one is running: every statement holds the lock of a
# virtual transaction.
ORPHANS = f"""
select a.pid, a.backend_start, a.application_name, coalesce(a.usename, ''),
       extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::float8, coalesce(a.query, '')
from pg_catalog.pg_stat_activity a
where a.datname = pg_catalog.current_database() and a.application_name ~ '{AT_WORK}'
  and a.pid <> pg_catalog.pg_backend_pid()
  and (a.state <> 'idle'
       or exists (select from pg_catalog.pg_locks l where l.pid = a.pid and l.locktype = 'virtualxid'))
order by a.backend_start
""".encode()  # noqa: S608 - constants only
POLL_SECONDS = 0.2
PATIENCE_MILLISECONDS = 10_000
_Row = tuple[int, datetime, str, str, float | None, str]


def wait_for_orphans(lock: Connection, address: Address, request: Request, tell: Listener) -> None:
    """Waits until no backend of another run works on this database. Needs the run lock. Raises MustWaitError."""
    deadline = time.monotonic() + request.environment.timeouts.retry_for.total_seconds()
    reported: set[tuple[int, datetime]] = set()
    while orphans := _at_work(lock):
        if time.monotonic() > deadline:
            raise _still_at_work(orphans[0], address)
        for orphan in orphans:
            if (orphan.pid, orphan.began) not in reported:
                tell(OrphanAwaited(orphan))
                reported.add((orphan.pid, orphan.began))
        time.sleep(POLL_SECONDS)


def _at_work(lock: Connection) -> list[Orphan]:
    rows = lock.execute(ORPHANS, binary=True).fetchall()
    return [Orphan(*cast("_Row", row)) for row in rows]


def _still_at_work(orphan: Orphan, address: Address) -> MustWaitError:
    end = f"`select pg_terminate_backend({orphan.pid})`"
    hint = f"wait until it ends, or terminate it with {end}, which rolls back its work; then run the command again"
    return MustWaitError(f"{address.label}: {orphan.text}", state="this run changed nothing", hint=hint)


def ending(which: str) -> str:
    """The query that terminates sessions of this role in this database. `which` selects the sessions.

    `which` is a condition on `a`, an alias of pg_stat_activity. The query returns a row for each session, which is true
    if the session ended.
    """
    return f"""
select pg_catalog.pg_terminate_backend(a.pid, {PATIENCE_MILLISECONDS}) from pg_catalog.pg_stat_activity a
where a.datname = pg_catalog.current_database() and a.usename = session_user and a.pid <> pg_catalog.pg_backend_pid()
  and ({which})
"""  # noqa: S608 - constants only
