"""Reads relations as other sessions see them. Resolves the names of relations in a statement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ...sql.locks import LockMode, RequiredLock

if TYPE_CHECKING:
    from ..connection.connect import Connection

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
# OIDs below 16384 belong to PostgreSQL's own relations
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
# These queries must not depend on the search path, which a migration may have changed
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
    """A relation that other sessions can see."""

    oid: int
    name: str
    """The schema-qualified name, quoted if SQL requires quotes."""
    bare: str
    """The name without schema and quotes."""
    kind: str
    file: int
    """The relfilenode. A rewrite of the relation changes it."""
    index_of: int
    of: str

    @property
    def has_rows(self) -> bool:
        """Whether the relation stores rows: it is a table or a materialized view."""
        return self.kind in {"table", "materialized view"}


def relations(connection: Connection, oids: Iterable[int] | None = None) -> dict[int, Relation]:
    """Maps OIDs to the user relations that `connection` sees. With `oids`, only to the relations with these OIDs."""
    if oids is None:
        found = connection.execute(_RELATIONS.encode()).fetchall()
    else:
        found = connection.execute((_RELATIONS + " and c.oid = any (%s)").encode(), [list(oids)]).fetchall()
    made = (
        Relation(_int(oid), str(name), str(bare), KINDS.get(str(kind), "table"), _int(file), _int(table), str(of))
        for oid, name, bare, kind, file, table, of in found
    )
    return {relation.oid: relation for relation in made}


def foreign_keys(connection: Connection, names: Iterable[str]) -> list[tuple[str, int, int]]:
    """The foreign keys with a name in `names`, as tuples of name, OID of the table, and OID of the referenced table."""
    found = connection.execute(_FOREIGN_KEYS.encode(), [list(names)]).fetchall()
    return [(str(name), _int(table), _int(referenced)) for name, table, referenced in found]


def named_by(connection: Connection, locks: Iterable[RequiredLock]) -> tuple[int, ...]:
    """OIDs of the relations in `locks`. Unqualified names are resolved on this session's search path."""
    found = connection.execute(_NAMED.encode(), [[lock.name for lock in locks]]).fetchall()
    return tuple(_int(oid) for (oid,) in found if oid is not None)


def _int(value: object) -> int:
    return int(str(value))
