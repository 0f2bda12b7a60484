"""A table whose rows are generated: columns, keys and constraints, and the order in which tables are filled. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class GeneratedColumn:
    """A column that an INSERT must or can fill. Leaves out generated and identity columns, and sequences."""

    name: str
    type: str
    """The base type as SQL, such as `pg_catalog.int4`. For a domain, the type below all domains."""
    length: int = -1
    """The modifier of the type, as in pg_attribute. -1 without a modifier."""
    not_null: bool = False
    labels: int = 0
    """The number of labels of an enum."""
    kind: str = "b"
    """`typtype` of the base type: b base, e enum, r range, c composite."""
    array: bool = False
    checks: tuple[str, ...] = ()
    """The CHECK expressions of the column's domains, with `VALUE`."""
    nulls: float = 0.0
    """The fraction of rows in which the column is NULL."""
    distinct: float = 0.0
    """`n_distinct` as in pg_stats. 0 if it is unknown."""


@dataclass(frozen=True)
class GeneratedKey:
    """A foreign key."""

    name: str
    columns: tuple[str, ...]
    table: str
    """The referenced table, as a qualified and quoted name."""
    targets: tuple[str, ...]


@dataclass(frozen=True)
class GeneratedTable:
    """A table, its number of rows, and what its rows must satisfy."""

    name: str
    """The qualified and quoted name."""
    rows: int
    columns: tuple[GeneratedColumn, ...]
    keys: tuple[GeneratedKey, ...] = ()
    uniques: tuple[tuple[str, ...], ...] = ()
    """The columns of each primary key and unique index."""
    checks: tuple[str, ...] = ()
    """The CHECK expressions."""
    others: tuple[tuple[str, str], ...] = ()
    """The name and type of each column that PostgreSQL fills, such as an identity column."""

    @property
    def optional(self) -> frozenset[str]:
        """The names of the foreign keys that can be NULL."""
        firm = {column.name for column in self.columns if column.not_null}
        return frozenset(key.name for key in self.keys if not firm.issuperset(key.columns))

    def without_keys(self, names: frozenset[str]) -> GeneratedTable:
        """The table without some foreign keys. Their columns that can be NULL get no value."""
        keys = tuple(key for key in self.keys if key.name not in names)
        left = {name for key in keys for name in key.columns}
        gone = {name for key in self.keys for name in key.columns} - left
        empty = tuple(c for c in self.columns if c.name in gone and not c.not_null)
        columns = tuple(c for c in self.columns if c not in empty)
        others = (*self.others, *((c.name, c.type) for c in empty))
        return replace(self, keys=keys, columns=columns, others=others)


def in_order_of_keys(tables: Iterable[GeneratedTable]) -> tuple[tuple[GeneratedTable, ...], tuple[str, ...]]:
    """The tables, each after the tables that it references, and the notes about keys that stay NULL.

    A cycle is broken at a foreign key that can be NULL. Raises ValueError for a cycle without such a key.
    """
    left = {table.name: table for table in tables}
    done: list[GeneratedTable] = []
    notes: list[str] = []
    while left:
        table = _next(left)
        if table is None:
            table = next((t for t in left.values() if _needed(t, left) <= t.optional), None)
            if table is None:
                raise ValueError(f"the foreign keys of {', '.join(left)} form a cycle, and none of them can be NULL")
        open_keys = _needed(table, left)
        notes += [f"{table.name}: the foreign key {name} is NULL, because the tables form a cycle"
                  for name in sorted(open_keys)]  # fmt: skip
        done.append(table.without_keys(open_keys))
        del left[table.name]
    return tuple(done), tuple(notes)


def _next(left: Mapping[str, GeneratedTable]) -> GeneratedTable | None:
    return next((table for table in left.values() if not _needed(table, left)), None)


def _needed(table: GeneratedTable, left: Mapping[str, GeneratedTable]) -> frozenset[str]:
    """The foreign keys of a table to tables that are not filled yet."""
    return frozenset(key.name for key in table.keys if key.table in left)
