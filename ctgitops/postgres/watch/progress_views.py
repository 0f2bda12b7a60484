"""Reads the views of PostgreSQL that report the progress of long commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ...core.activity.run_activity import Gauge

if TYPE_CHECKING:
    from ..connection.connect import Connection

# Each select has the columns of a Gauge. PostgreSQL counts nothing while it sorts, but sets tuples_total.
# A column is null if the role may not see the progress of another role.
_VIEWS = """
select p.pid, p.command, p.phase,
       case u.unit when 'blocks' then p.blocks_done when 'tuples' then p.tuples_done
                   when 'lockers' then p.lockers_done end,
       case u.unit when 'blocks' then p.blocks_total when 'tuples' then p.tuples_total
                   when 'lockers' then p.lockers_total end,
       u.unit, p.relid
from pg_catalog.pg_stat_progress_create_index p
cross join lateral (
    select case when p.phase ~ 'sorting' then 'none' when p.blocks_total > 0 then 'blocks'
                when p.tuples_total > 0 then 'tuples' else 'lockers' end
) u(unit)
where p.datname = pg_catalog.current_database()
union all
select p.pid, 'VACUUM', p.phase,
       case p.phase when 'scanning heap' then p.heap_blks_scanned when 'vacuuming heap' then p.heap_blks_vacuumed end,
       case when p.phase in ('scanning heap', 'vacuuming heap') then p.heap_blks_total end, 'blocks', p.relid
from pg_catalog.pg_stat_progress_vacuum p where p.datname = pg_catalog.current_database()
union all
select p.pid, p.command, p.phase, p.heap_blks_scanned, p.heap_blks_total, 'blocks', p.relid
from pg_catalog.pg_stat_progress_cluster p where p.datname = pg_catalog.current_database()
union all
select p.pid, 'ANALYZE', p.phase, p.sample_blks_scanned, p.sample_blks_total, 'blocks', p.relid
from pg_catalog.pg_stat_progress_analyze p where p.datname = pg_catalog.current_database()
union all
select p.pid, p.command, p.type, case when p.bytes_total > 0 then p.bytes_processed else p.tuples_processed end,
       p.bytes_total, case when p.bytes_total > 0 then 'bytes' else 'rows' end, p.relid
from pg_catalog.pg_stat_progress_copy p where p.datname = pg_catalog.current_database()
union all
select p.pid, 'BASE BACKUP', p.phase, p.backup_streamed, coalesce(p.backup_total, 0), 'bytes', 0::oid
from pg_catalog.pg_stat_progress_basebackup p
"""
# A name is resolved only if its lock is free: to_regclass and regclass casts need no lock on the relation.
_ALL = f"""
select g.pid, coalesce(g.command, ''), coalesce(g.phase, ''), coalesce(g.done, 0)::bigint, coalesce(g.total, 0)::bigint,
       g.unit, coalesce(pg_catalog.concat_ws('.', n.nspname, c.relname), '')
from ({_VIEWS}) g(pid, command, phase, done, total, unit, relid)
left join pg_catalog.pg_class c on c.oid = g.relid left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where g.phase is not null order by g.pid
"""  # noqa: S608 - constants only
_Row = tuple[int, str, str, int, int, str, str]


def gauges(connection: Connection) -> tuple[Gauge, ...]:
    """The progress of all long commands in this database, and of base backups. Read-only."""
    rows = connection.execute(_ALL.encode(), binary=True).fetchall()
    return tuple(Gauge(*cast("_Row", row)) for row in rows)
