"""Reads the counters of the database, and the current lock waits and replica lag. Read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from ...core.performance.sample import DatabaseFigures

if TYPE_CHECKING:
    from ..connection.connect import Connection

_DATABASE = """
/* ctgitops */ select d.xact_commit, d.xact_rollback, d.blks_hit, d.blks_read, d.deadlocks,
    coalesce(d.stats_reset::text, '') || ' ' || pg_catalog.pg_postmaster_start_time()::text
from pg_catalog.pg_stat_database d where d.datname = pg_catalog.current_database()
"""
_SIZE = "/* ctgitops */ select pg_catalog.pg_database_size(pg_catalog.current_database())"
_WAITING = """
/* ctgitops */ select count(*) filter (where a.wait_event_type = 'Lock'),
    count(*) filter (where a.state is null and a.backend_type is null)
from pg_catalog.pg_stat_activity a
where a.datid = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
"""
_LAG = """
/* ctgitops */ select coalesce(max(extract(epoch from r.replay_lag)), 0)::float8,
    count(*) filter (where r.state is null)
from pg_catalog.pg_stat_replication r
"""
_IO = """
/* ctgitops */ select coalesce(sum(i.reads), 0)::bigint, coalesce(sum(i.writes), 0)::bigint,
    coalesce(sum(i.extends), 0)::bigint
from pg_catalog.pg_stat_io i where i.backend_type = 'client backend' and i.object = 'relation'
"""
IO_SINCE = 16_00_00


def read_database(connection: Connection) -> tuple[DatabaseFigures, str]:
    """The counters of this database, and the time of their last reset. Raises psycopg.Error."""
    row = connection.execute(_DATABASE).fetchone() or (0, 0, 0, 0, 0, "")
    commits, rollbacks, hits, reads, deadlocks = (int(str(count)) for count in row[:5])
    return DatabaseFigures(commits, rollbacks, hits, reads, deadlocks, _size(connection)), str(row[5])


def _size(connection: Connection) -> int | None:
    try:
        row = connection.execute(_SIZE).fetchone()
    except psycopg.Error:
        if connection.closed:
            raise
        return None
    return int(str(row[0])) if row else None


def read_waiting(connection: Connection) -> tuple[int, int]:
    """How many sessions wait for a lock, and how many sessions this role may not see. Raises psycopg.Error."""
    row = connection.execute(_WAITING).fetchone() or (0, 0)
    return int(str(row[0])), int(str(row[1]))


def read_lag(connection: Connection) -> float | None:
    """The largest replay lag in seconds. None if this role may not see it. Raises psycopg.Error."""
    lag, hidden = connection.execute(_LAG).fetchone() or (0, 0)
    return None if int(str(hidden)) else float(str(lag))


def read_io(connection: Connection) -> dict[str, int]:
    """The operations of client backends on relations. Empty before PostgreSQL 16. Raises psycopg.Error."""
    if connection.info.server_version < IO_SINCE:
        return {}
    row = connection.execute(_IO).fetchone() or (0, 0, 0)
    return {name: int(str(count)) for name, count in zip(("reads", "writes", "extensions"), row, strict=True)}
