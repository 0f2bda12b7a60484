"""A part of a database for a backup, and the constraints and rows that a restore of only this part lacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from importlib.resources import files
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..connection.names import SCHEMA

if TYPE_CHECKING:
    from ..connection.connect import Connection

PATTERN_NAMES = 200
"""The maximum number of tables in one pattern of pg_dump. pg_dump runs a query for each pattern."""

# Extension tables are not counted, and pg_dump dumps only those that an extension marks
_TABLES = """
select c.oid::int8, n.nspname::text, c.relname::text,
    n.nspname = %s or c.oid in (select pg_catalog.to_regclass(t) from pg_catalog.unnest(%s::text[]) t),
    coalesce(pg_catalog.pg_total_relation_size(c.oid), 0)
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
order by 2, 3
"""
# The foreign keys of saved rows that reference rows which are not saved; a partitioned table's is one
_FOREIGN_KEYS = """
with recursive below(root, relid) as (
    select oid, oid from pg_catalog.pg_class where relkind in ('r', 'p')
    union all
    select b.root, i.inhrelid
    from below b
    join pg_catalog.pg_inherits i on i.inhparent = b.relid
    join pg_catalog.pg_class c on c.oid = i.inhrelid and c.relispartition
)
select k.oid::int8, pg_catalog.format('%%I on %%I.%%I', k.conname, n.nspname, c.relname)
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where k.contype = 'f' and k.conparentid = 0
    and exists (select from below b where b.root = k.conrelid and b.relid = any (%(saved)s::oid[]))
    and exists (
        select from below b join pg_catalog.pg_class r on r.oid = b.relid
        where b.root = k.confrelid and r.relkind = 'r' and r.oid <> all (%(saved)s::oid[])
    )
order by 2
"""


@dataclass(frozen=True)
class DatabasePart:
    """The tables of a database whose rows a backup saves, and the tables whose rows it leaves out."""

    saved: tuple[tuple[str, str], ...] = ()
    """Schema and name of each table whose rows are saved: the requested tables and the ledger's tables."""
    without_rows: tuple[tuple[str, str], ...] = ()
    """The tables whose rows are not saved."""
    undefined: tuple[tuple[str, str], ...] = ()
    """The tables of `without_rows` of which not even the definition is saved, because no saved object needs it."""
    undefined_sequences: tuple[tuple[str, str], ...] = ()
    """The sequences that the tables in `undefined` own. Their definitions are not saved either."""
    oids: frozenset[int] = frozenset()
    """The OIDs of `saved`."""
    bytes: int = 0
    """The size of `saved` on disk, with indexes."""
    foreign_keys: Mapping[str, str] = field(default_factory=dict)
    """Maps OIDs to foreign keys, such as `child_fkey on public.child`. The saved rows alone may violate these keys."""

    @property
    def patterns_without_rows(self) -> Iterator[str]:
        """Patterns for pg_dump's `--exclude-table-data`. They match exactly the tables of which only the rows lack."""
        undefined = set(self.undefined)
        return _patterns(each for each in self.without_rows if each not in undefined)

    @property
    def patterns_undefined(self) -> Iterator[str]:
        """Patterns for pg_dump's `--exclude-table`. They match exactly the undefined tables and sequences."""
        return _patterns(self.undefined_relations)

    @property
    def undefined_relations(self) -> tuple[tuple[str, str], ...]:
        """The undefined tables and sequences."""
        return (*self.undefined, *self.undefined_sequences)


def _patterns(names: Iterable[tuple[str, str]]) -> Iterator[str]:
    by_schema: dict[str, list[str]] = defaultdict(list)
    for schema, name in names:
        by_schema[schema].append(name)
    for schema, some in by_schema.items():
        for first in range(0, len(some), PATTERN_NAMES):
            yield f"{_quoted(schema)}.({'|'.join(map(_quoted, some[first : first + PATTERN_NAMES]))})"


def part_of_database(connection: Connection, tables: tuple[str, ...], *, definitions: bool) -> DatabasePart:
    """The part of the database with the rows of `tables`. The names in `tables` are qualified and quoted. Read-only.

    With `definitions`, the part has all definitions, otherwise only those that a restore can need.
    """
    rows = connection.execute(_TABLES, [SCHEMA, list(tables)]).fetchall()
    found = [
        (int(str(oid)), (str(schema), str(name)), saved is True, int(str(size)))
        for oid, schema, name, saved, size in rows
    ]
    oids = [oid for oid, _, saved, _ in found if saved]
    keys = connection.execute(_FOREIGN_KEYS, {"saved": oids}).fetchall()
    unneeded = () if definitions else _unneeded(connection, oids, [int(str(oid)) for oid, _ in keys])
    return DatabasePart(
        saved=tuple(name for _, name, saved, _ in found if saved),
        without_rows=tuple(name for _, name, saved, _ in found if not saved),
        undefined=tuple(name for name, is_table in unneeded if is_table),
        undefined_sequences=tuple(name for name, is_table in unneeded if not is_table),
        oids=frozenset(oids),
        bytes=sum(size for _, _, saved, size in found if saved),
        foreign_keys={str(oid): str(name) for oid, name in keys},
    )


def _unneeded(connection: Connection, saved: list[int], keys: list[int]) -> tuple[tuple[tuple[str, str], bool], ...]:
    query = files("ctgitops").joinpath("postgres", "sql", "unneeded_tables.sql").read_text(encoding="utf-8")
    rows = connection.execute(query.encode(), {"saved": saved, "keys": keys, "ledger": SCHEMA}).fetchall()
    return tuple(((str(schema), str(name)), is_table is True) for schema, name, is_table in rows)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
