"""The locks, data files and scan counts of the current backend, and what changed since the last look.

The query runs after every statement, so its answer is one row however many locks the backend holds, and only
differences are examined further.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, cast

from ...sql.locks import LockMode
from ..catalog.relations import MODES
from ..connection.connect import Connection

# What a migration did to the search path must not change what this asks; and no table is joined, so that it costs what
# is held and not what there is. OIDs below 16384 are those of PostgreSQL's own
# relations. Only under ACCESS EXCLUSIVE is a table or an index given another file
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
    """A relation on which the session has locks."""

    oid: int
    modes: frozenset[LockMode]
    file: int
    """Where the session has it for itself alone; 0: it has not, or there is none, or it is dropped."""
    scans: int
    """So often this transaction has begun to read all of it."""

    @cached_property
    def strongest(self) -> LockMode:
        """Of its locks."""
        return max(self.modes)


class _Lock(NamedTuple):
    """One lock, as the server lists it."""

    oid: int
    mode: str
    file: int
    scans: int


_Columns = tuple[Sequence[int], Sequence[str], Sequence[int], Sequence[int]]


class HeldLocks:
    """All that a session has; `look` asks it anew."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held: frozenset[_Lock] = frozenset()
        self._of: dict[int, set[_Lock]] = {}
        """By OID, the locks on that relation."""

    def look(self) -> dict[int, HeldLock | None]:
        """What is other than it was at the look before: by OID, how it is now; None: the session has it no more.

        The session says from then on what it does (client_min_messages): an exchange less than to ask for that apart.
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
    """By OID, how often this session has begun to read all of a table; transactions before it may be counted too."""
    return {int(str(oid)): int(str(count)) for oid, count in connection.execute(_SCANNED.encode()).fetchall()}


def called(connection: Connection, names: set[str]) -> set[tuple[int, str]]:
    """OID and name of the relations that have one of these names, without a schema, in this session."""
    found = connection.execute(_CALLED.encode(), [list(names)]).fetchall()
    return {(int(str(oid)), str(name)) for oid, name in found}
