"""The locks, relfilenodes and scan counts of the current backend. Finds what has changed since the last query.

The query runs after every statement. The query therefore returns a single row, however many locks the backend holds.
Only differences are examined further.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, cast

from ..catalog.relations import MODES

if TYPE_CHECKING:
    from ...sql.locks import LockMode
    from ..connection.connect import Connection

# The query must work with any search path that a migration set. It joins no table, so its cost depends on held locks
# and not on existing relations. OIDs below 16384 are PostgreSQL's own relations. A table or an index gets a new file
# only under ACCESS EXCLUSIVE
_MINE = """
select pg_catalog.array_agg(l.relation::pg_catalog.int8),
       pg_catalog.array_agg(l.mode),
       pg_catalog.array_agg(coalesce(case when l.mode operator(pg_catalog.=) 'AccessExclusiveLock'
           then pg_catalog.pg_relation_filenode(l.relation)::pg_catalog.int8 end, 0)),
       pg_catalog.array_agg(coalesce(pg_catalog.pg_stat_get_xact_numscans(l.relation), 0)),
       pg_catalog.set_config('client_min_messages', 'debug1', false)
from pg_catalog.pg_lock_status() l
where l.pid operator(pg_catalog.=) pg_catalog.pg_backend_pid() and l.granted
  and l.locktype operator(pg_catalog.=) 'relation' and l.relation operator(pg_catalog.>=) 16384::pg_catalog.oid
"""
_SCANNED = """
select c.oid::pg_catalog.int8, pg_catalog.pg_stat_get_xact_numscans(c.oid)
from pg_catalog.pg_class c
where c.oid operator(pg_catalog.>=) 16384::pg_catalog.oid and c.relkind operator(pg_catalog.=) any ('{r,p,m}')
  and pg_catalog.pg_stat_get_xact_numscans(c.oid) operator(pg_catalog.>) 0
"""
_CALLED = """
select c.oid::pg_catalog.int8, c.relname::pg_catalog.text
from pg_catalog.pg_class c where c.relname operator(pg_catalog.=) any (%s::pg_catalog.name[])
"""


@dataclass(frozen=True)
class HeldLock:
    """The locks of the session on one relation."""

    oid: int
    modes: frozenset[LockMode]
    file: int
    """The relfilenode if the session holds ACCESS EXCLUSIVE. 0 without this lock, without a file, or after a DROP."""
    scans: int
    """How many full scans of the relation this transaction has started."""

    @cached_property
    def strongest(self) -> LockMode:
        """The strongest lock mode of the session on the relation."""
        return max(self.modes)


class _Lock(NamedTuple):
    """One row of the query `_MINE`, which is a lock of the session."""

    oid: int
    mode: str
    file: int
    scans: int


_Columns = tuple[Sequence[int], Sequence[str], Sequence[int], Sequence[int]]


class HeldLocks:
    """All locks of a session. `changes` queries them again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held: frozenset[_Lock] = frozenset()
        self._of: dict[int, set[_Lock]] = {}
        """Maps OIDs to the locks on each relation."""

    def changes(self) -> dict[int, HeldLock | None]:
        """Maps OIDs to the current locks on relations whose locks changed since the last call.

        Maps the OID of a relation without remaining locks to None. The query also sets client_min_messages for the next
        statement, which saves a round trip.
        """
        row = self._connection.execute(_MINE.encode(), binary=True).fetchone()
        oids, modes, files, scans = cast("_Columns", row[:4] if row and row[0] else ((), (), (), ()))
        held = frozenset(map(_Lock, oids, modes, files, scans))
        for lock in self._held - held:
            self._of[lock.oid].discard(lock)
        for lock in held - self._held:
            self._of.setdefault(lock.oid, set()).add(lock)
        other = {lock.oid for lock in held ^ self._held}
        self._held = held
        return {oid: self._now(oid) for oid in sorted(other)}

    def _now(self, oid: int) -> HeldLock | None:
        locks = self._of[oid]
        if not locks:
            return None
        modes = frozenset(MODES[lock.mode] for lock in locks)
        return HeldLock(oid, modes, max(lock.file for lock in locks), max(lock.scans for lock in locks))


def scanned(connection: Connection) -> dict[int, int]:
    """Maps OIDs to the number of full scans by this session. May include scans of earlier transactions."""
    return {int(str(oid)): int(str(count)) for oid, count in connection.execute(_SCANNED.encode()).fetchall()}


def called(connection: Connection, names: set[str]) -> set[tuple[int, str]]:
    """OID and name of each relation that has one of these names in any schema, as this session sees them."""
    found = connection.execute(_CALLED.encode(), [list(names)]).fetchall()
    return {(int(str(oid)), str(name)) for oid, name in found}
