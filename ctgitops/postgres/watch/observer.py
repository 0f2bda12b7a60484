"""Observes the run that holds the run lock, from any session that can connect."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

import psycopg

from ...core.activity.run_activity import Gauge, RunActivity, SessionSeen
from ..connection.names import AT_WORK, SCHEMA
from ..lock.run_lock import holder_of
from .progress_views import gauges

if TYPE_CHECKING:
    from ...core.activity.lock_holder import Holder
    from ..connection.connect import Connection

_MAY_SEE = """
select pg_catalog.clock_timestamp(),
       coalesce((select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user), false)
       or pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'usage')
       or coalesce((select pg_catalog.pg_has_role(current_user, r.oid, 'usage') from pg_catalog.pg_roles r
                    where r.rolname = %s), false)
"""
_LEASE = f"select coalesce(plan, ''), since from {SCHEMA}.lease where backend_pid = %s and ended is null"  # noqa: S608 - constants only
_AT_WORK = f"a.application_name ~ '{AT_WORK}' or a.application_name in ('ctgitops backup', 'ctgitops/health')"
# pg_locks shows to every role who waits, and since when; pg_stat_activity hides that from a role without the right.
_SESSIONS = f"""
with seen as (
    select a.pid, coalesce(a.application_name, '') as application, coalesce(a.usename, '') as "user",
           coalesce(a.state, '') as state,
           extract(epoch from pg_catalog.clock_timestamp() - coalesce(a.query_start, w.since))::float8 as seconds,
           case when a.state is null then '' else pg_catalog."left"(coalesce(a.query, ''), 2000) end as query,
           case when w.pid is not null then 'Lock: ' || w.locktype
                else coalesce(nullif(a.wait_event_type, 'Client') || ': ' || a.wait_event, '') end as waits_for,
           case when w.pid is null then '{{}}' else pg_catalog.pg_blocking_pids(a.pid) end as blocked_by,
           ({_AT_WORK}) as at_work
    from pg_catalog.pg_stat_activity a
    left join (select l.pid, pg_catalog.min(l.waitstart) as since, pg_catalog.min(l.locktype) as locktype
               from pg_catalog.pg_locks l where not l.granted group by l.pid) w on w.pid = a.pid
    where a.datname = pg_catalog.current_database() and a.pid <> pg_catalog.pg_backend_pid()
)
select s.pid, s.application, s."user", s.state, s.seconds, s.query, s.waits_for, s.blocked_by, s.at_work
from seen s
where s.at_work or s.blocked_by && (select pg_catalog.array_agg(r.pid) from seen r where r.at_work)
   or s.pid in (select pg_catalog.unnest(r.blocked_by) from seen r where r.at_work)
order by s.seconds desc nulls last, s.pid
"""  # noqa: S608 - constants only
_BATCHES = f"""
select p.backend_pid, p.name, coalesce(sum(p.rows), 0)::bigint
from {SCHEMA}.progress p
where p.kind = 'batch' and p.entry = (select max(e.entry) from {SCHEMA}.progress e) and p.backend_pid = any(%s)
group by p.backend_pid, p.name
"""  # noqa: S608 - constants only
_Session = tuple[int, str, str, str, float | None, str, str, list[int], bool]
NO_STATISTICS = (
    "statements, states and progress of the run: this role must be a member of pg_read_all_stats or of the run's role"
)
NO_LEASE = "who started the run, its plan and its step: this role needs SELECT on the tables of the schema ctgitops"


class RunObserver:
    """Repeatedly reads what a run is doing, on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def look(self) -> RunActivity | None:
        """What the run that holds the run lock is doing now. None if no run holds the lock. Read-only."""
        holder = holder_of(self._connection)
        if holder is None:
            return None
        at, may_see = cast("tuple[datetime, bool]", self._one(_MAY_SEE, [holder.user]))
        lease = self._readable(_LEASE, [holder.pid])
        plan, since = cast("tuple[str, datetime]", lease[0]) if lease else ("", None)
        rows = self._connection.execute(_SESSIONS.encode(), binary=True).fetchall()
        found = [(SessionSeen(*row[:7], tuple(row[7])), row[8]) for row in cast("list[_Session]", rows)]
        ours = tuple(session for session, at_work in found if at_work)
        blocked_by, pids = {pid for each in ours for pid in each.blocked_by}, {each.pid for each in ours}
        others = tuple(session for session, at_work in found if not at_work)
        unseen = (*(() if may_see else (NO_STATISTICS,)), *(() if lease is not None else (NO_LEASE,)))
        in_the_way = tuple(each for each in others if each.pid in blocked_by)
        return RunActivity(
            at,
            holder,
            plan,
            since,
            ours,
            self._gauges(holder, pids),
            (*in_the_way, *((SessionSeen(0, "", ""),) if 0 in blocked_by else ())),
            tuple(each for each in others if pids.intersection(each.blocked_by)),
            unseen,
        )

    def _gauges(self, holder: Holder, pids: set[int]) -> tuple[Gauge, ...]:
        """The progress of the run's sessions, of its backup's COPY commands, and of base backups."""
        batches = self._readable(_BATCHES, [list(pids)]) or []
        found = gauges(self._connection)
        mine = pids | {holder.pid}
        return (
            *(each for each in found if each.pid in mine or each.command == "BASE BACKUP"),
            *(Gauge(int(str(pid)), "batches", str(name), int(str(rows)), 0, "rows") for pid, name, rows in batches),
        )

    def _one(self, sql: str, values: list[object]) -> tuple[object, ...]:
        row = self._connection.execute(sql.encode(), values, binary=True).fetchone()
        return row or ()

    def _readable(self, sql: str, values: list[object]) -> list[tuple[object, ...]] | None:
        """The rows of a query on the ledger's tables. None if this role may not read them."""
        try:
            return self._connection.execute(sql.encode(), values, binary=True).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            return None
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return []  # the run creates the ledger just now
