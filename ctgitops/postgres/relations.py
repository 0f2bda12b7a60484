"""Relations as others see them, and what one session has of them: its locks, their files, its scans."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..sql.locks import LockMode, Wanted
from .connect import Connection

MODES = {mode.in_pg_locks: mode for mode in LockMode}
KINDS = {
    "r": "table",
    "p": "table",
    "i": "index",
    "I": "index",
    "S": "sequence",
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
}
# OIDs below 16384 are those of PostgreSQL's own relations
_RELATIONS = """
select c.oid::int8, quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relname::text, c.relkind::text,
       c.relfilenode::int8, coalesce(i.indrelid, 0)::int8,
       coalesce(quote_ident(o.nspname) || '.' || quote_ident(t.relname), '')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
left join pg_index i on i.indexrelid = c.oid left join pg_class t on t.oid = i.indrelid
left join pg_namespace o on o.oid = t.relnamespace
where c.oid >= 16384 and c.relkind <> 'c' and n.nspname !~ '^pg_'
and n.nspname not in ('information_schema', 'ctgitops')
"""
# What a migration did to the search path must not change what this asks
_MINE = """
select l.relation::pg_catalog.int8, l.mode, coalesce(c.relname::pg_catalog.text, ''),
       coalesce(c.relfilenode::pg_catalog.int8, 0),
       coalesce(pg_catalog.pg_stat_get_xact_numscans(l.relation), 0)
from pg_catalog.pg_locks l left join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) l.relation
where l.pid operator(pg_catalog.=) pg_catalog.pg_backend_pid() and l.granted
  and l.locktype operator(pg_catalog.=) 'relation' and l.relation operator(pg_catalog.>=) 16384::pg_catalog.oid
"""
_SCANNED = "select s.relid::pg_catalog.int8, s.seq_scan from pg_catalog.pg_stat_xact_user_tables s"
_FOREIGN_KEYS = """
select k.conname::pg_catalog.text, k.conrelid::pg_catalog.int8, k.confrelid::pg_catalog.int8
from pg_catalog.pg_constraint k
where k.contype operator(pg_catalog.=) 'f' and k.conname::pg_catalog.text operator(pg_catalog.=) any (%s)
"""


_NAMED = (
    "select pg_catalog.to_regclass(n)::pg_catalog.oid::pg_catalog.int8 from pg_catalog.unnest(%s::pg_catalog.text[]) n"
)


@dataclass(frozen=True)
class Relation:
    """A relation that others can see."""

    oid: int
    name: str
    """Qualified, and quoted where SQL needs it."""
    bare: str
    """Neither."""
    kind: str
    file: int
    """Its relfilenode; another one means that it was written anew."""
    index_of: int
    of: str

    @property
    def has_rows(self) -> bool:
        """Whether its file holds rows: that of a table or a materialized view."""
        return self.kind in {"table", "materialized view"}


@dataclass(frozen=True)
class Mine:
    """A relation on which the session that asks has locks."""

    oid: int
    modes: frozenset[LockMode]
    bare: str
    """Its name now; empty where it is dropped."""
    file: int
    scans: int
    """So often this transaction has begun to read all of it."""


def relations(connection: Connection, oids: Iterable[int] | None = None) -> dict[int, Relation]:
    """All relations of users, or those of some OIDs, as `connection` sees them."""
    if oids is None:
        found = connection.execute(_RELATIONS.encode()).fetchall()
    else:
        found = connection.execute((_RELATIONS + " and c.oid = any (%s)").encode(), [list(oids)]).fetchall()
    made = (
        Relation(_int(oid), str(name), str(bare), KINDS.get(str(kind), "table"), _int(file), _int(table), str(of))
        for oid, name, bare, kind, file, table, of in found
    )
    return {relation.oid: relation for relation in made}


def mine(connection: Connection) -> dict[int, Mine]:
    """The relations on which this session has locks now."""
    found: dict[int, Mine] = {}
    for oid, mode, bare, file, scans in connection.execute(_MINE.encode()).fetchall():
        number = _int(oid)
        modes = found[number].modes if number in found else frozenset()
        found[number] = Mine(number, modes | {MODES[str(mode)]}, str(bare), _int(file), _int(scans))
    return found


def scanned(connection: Connection) -> dict[int, int]:
    """By OID, how often this session has begun to read all of a table; transactions before it may be counted too."""
    return {_int(oid): _int(count) for oid, count in connection.execute(_SCANNED.encode()).fetchall()}


def foreign_keys(connection: Connection, names: Iterable[str]) -> list[tuple[str, int, int]]:
    """Foreign keys of these names: name, OID of the table, OID of the referenced one."""
    found = connection.execute(_FOREIGN_KEYS.encode(), [list(names)]).fetchall()
    return [(str(name), _int(table), _int(referenced)) for name, table, referenced in found]


def named_by(connection: Connection, locks: Iterable[Wanted]) -> tuple[int, ...]:
    """The OIDs of the relations that a statement names, where this session finds them."""
    found = connection.execute(_NAMED.encode(), [[lock.name for lock in locks]]).fetchall()
    return tuple(_int(oid) for (oid,) in found if oid is not None)


def _int(value: object) -> int:
    return int(str(value))
