"""Finds the sessions that would block a migration. Runs before the migration waits for a lock.

A session that waits for a strong lock blocks every session that comes after it. A migration therefore requests no lock
while another session has used the table for some time. This check can miss a session, so `lock_timeout` limits every
wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from psycopg.pq import Escaping

from ...core.activity.blocker import Blocker
from ...lazy import dataclass
from ...sql.locks import LockMode, RequiredLock
from ...sql.parse import SqlSyntaxError, Statement
from ..connection.cancellable_query import exchange, rows
from ..connection.names import literal
from ..transaction.message import Spot, spot_in

if TYPE_CHECKING:
    from ...core.plan.plan import Step
    from ..connection.connect import Connection

GRACE_SECONDS = 0.1
"""The age in seconds above which a transaction counts as a blocker. Most younger ones end before a second check."""

_CONFLICTS = ", ".join(f"({mode.value}, '{other.in_pg_locks}')" for mode in LockMode for other in mode.conflicts)
_LOOK = """
with recursive named(oid, mode) as (
    select pg_catalog.to_regclass(w.name)::pg_catalog.oid, w.mode from (values {wanted}) w(name, mode)
), direct(oid, mode) as (
    select n.oid, n.mode from named n where n.oid is not null
    union select i.indrelid, n.mode from named n
        join pg_catalog.pg_index i on i.indexrelid operator(pg_catalog.=) n.oid
), wanted(oid, mode) as (
    select oid, mode from direct
    union select i.inhrelid, w.mode from wanted w
        join pg_catalog.pg_inherits i on i.inhparent operator(pg_catalog.=) w.oid
), conflicting(mode, held) as (values {conflicts})
select distinct on (l.pid, l.virtualtransaction)
       l.pid, coalesce(a.application_name, ''), coalesce(a.usename, ''),
       extract(epoch from pg_catalog.clock_timestamp() operator(pg_catalog.-) a.xact_start), coalesce(a.state, ''),
       coalesce(pg_catalog."left"(a.query, 2000), ''),
       pg_catalog.concat_ws('.', n.nspname, c.relname), l.mode, l.granted, l.virtualtransaction
from wanted w
join pg_catalog.pg_locks l on l.relation operator(pg_catalog.=) w.oid and l.locktype operator(pg_catalog.=) 'relation'
join pg_catalog.pg_database d on d.oid operator(pg_catalog.=) l.database
    and d.datname operator(pg_catalog.=) pg_catalog.current_database()
join conflicting k on k.mode operator(pg_catalog.=) w.mode and k.held operator(pg_catalog.=) l.mode
join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) w.oid
join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
left join pg_catalog.pg_stat_activity a on a.pid operator(pg_catalog.=) l.pid
where (l.pid is null or l.pid operator(pg_catalog.<>) pg_catalog.pg_backend_pid())
order by l.pid, l.virtualtransaction, l.granted desc
"""


@dataclass
class BlockerWatch:
    """Checks for blockers during one run. Ignores relations that the run created: no other session uses them yet."""

    made: set[str] = field(default_factory=set)
    _seen: frozenset[str] = frozenset()
    """Transactions that the previous check found.

    This role may not be allowed to see a transaction's age. A transaction that was already found then counts as likely
    to stay.
    """

    def wanted(self, steps: Iterable[Step]) -> tuple[RequiredLock, ...]:
        """The locks that `steps` take, in order. Leaves out relations that one of the steps created."""
        strongest: dict[str, LockMode] = {}
        made = set(self.made)
        for step in steps:
            for statement in _statements(step):
                for lock in statement.locks:
                    if lock.name not in made:
                        strongest[lock.name] = max(lock.mode, strongest.get(lock.name, lock.mode))
                made.add(statement.makes)
        return tuple(RequiredLock(name, mode) for name, mode in strongest.items())

    def learn(self, step: Step) -> None:
        """Records the relations that a completed step created."""
        self.made |= {statement.makes for statement in _statements(step)} - {""}

    def blockers(self, connection: Connection, wanted: Sequence[RequiredLock], *, patient: bool) -> tuple[Blocker, ...]:
        """Sessions that hold or wait for a conflicting lock. With `patient`, only sessions that are likely to stay.

        Empty if the query fails, because the migration's own statement then reports the error.
        """
        if not wanted:
            return ()
        answer = exchange(connection, blocker_query(connection, wanted))
        if answer.failure or not answer.results:
            return ()
        found = rows(answer.results[-1])
        before, self._seen = self._seen, frozenset(str(row[9]) for row in found)
        return tuple(blocker_of(row) for row in found if not patient or _stays(row, before))


def blocker_query(connection: Connection, wanted: Sequence[RequiredLock]) -> str:
    """The query for all sessions that hold, or wait for, a lock that conflicts with a lock in `wanted`."""
    escaping = Escaping(connection.pgconn)
    values = ", ".join(f"({literal(escaping, w.name)}, {w.mode.value})" for w in wanted)
    return _LOOK.format(wanted=values, conflicts=_CONFLICTS)


def spot_of_lock(step: Step, relation: str) -> Spot:
    """The step's first statement that names `relation`. Compares names without their schemas."""
    name = relation.rpartition(".")[2].strip('"')
    for statement in _statements(step):
        if any(lock.name.rpartition(".")[2].strip('"') == name for lock in statement.locks):
            return spot_in(step.script, statement, statement.start)
    return Spot()


def _statements(step: Step) -> Sequence[Statement]:
    try:
        return step.script.statements
    except SqlSyntaxError:
        return ()


def _stays(row: tuple[str | None, ...], before: frozenset[str]) -> bool:
    """Whether the session is likely to keep its lock. True for a waiting session: this run would wait behind it."""
    if row[0] is None:
        return True
    if row[3] is None:
        return str(row[9]) in before
    return float(row[3]) > GRACE_SECONDS


def blocker_of(row: tuple[str | None, ...]) -> Blocker:
    """Converts a row of the query's result."""
    return Blocker(
        pid=int(row[0]) if row[0] else None,
        application=row[1] or "",
        user=row[2] or "",
        seconds=float(row[3]) if row[3] else None,
        state=row[4] or "",
        query=row[5] or "",
        relation=row[6] or "",
        mode=row[7] or "",
        granted=row[8] == "t",
        transaction=row[9] or "",
    )
