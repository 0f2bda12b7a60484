"""Sizes of real tables, and the rates at which a server works. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from ...lazy import dataclass


@dataclass(frozen=True)
class Column:
    """Statistics of a column. The statistics reveal no value of a row."""

    nulls: float
    """The fraction of rows in which the column is NULL."""
    distinct: float
    """`n_distinct` of pg_stats: the number of distinct values. A negative value stands for a fraction of the rows."""


@dataclass(frozen=True)
class Size:
    """The size of a table according to PostgreSQL's statistics, and its write rate."""

    rows: float
    pages: int = 0
    index_pages: int = 0
    writes_per_minute: float | None = None
    """The average number of writes per minute since the statistics were reset. None if this is unknown."""
    columns: Mapping[str, Column] = field(default_factory=dict)
    """Statistics by column name. Leaves out columns that were never analyzed or that the role may not read."""
    fires: frozenset[str] = frozenset()
    """The operations among `Insert`, `Update` and `Delete` that fire a user-defined row trigger on the table."""
    indexes: int = 0
    keys: int = 0
    """The number of the table's own foreign keys."""
    referenced: int = 0
    """The number of foreign keys of other tables that refer to this table and have an index."""
    unindexed: float = 0.0
    """The total number of rows in the tables that refer to this table by a foreign key without an index."""


def total(sizes: Iterable[Size]) -> Size | None:
    """The total size of a table and its children or partitions. None if there are none."""
    each = tuple(sizes)
    if len(each) < 2:
        return each[0] if each else None
    return Size(
        sum(size.rows for size in each),
        sum(size.pages for size in each),
        sum(size.index_pages for size in each),
        fires=frozenset().union(*(size.fires for size in each)),
        indexes=max(size.indexes for size in each),
        keys=max(size.keys for size in each),
        referenced=max(size.referenced for size in each),
        unindexed=max(size.unindexed for size in each),
    )


@dataclass(frozen=True)
class Rates:
    """Measured rates of a server. A rate is the number of units of one kind of work per second."""

    scanned: float
    checked: float
    """Rows per second that are checked for a foreign key."""
    indexed: float
    rewritten: float
    pages: float
    """Pages of 8 kB per second that other work reads or writes."""
    read: float = 5e6
    """Rows per second that a query reads, sorts or joins."""
    found: float = 2e5
    """Rows per second that a query finds with an index."""
    inserted: float = 4e5
    updated: float = 2e5
