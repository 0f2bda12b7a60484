"""Sizes of real tables, and the speed of a server. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Column:
    """Statistics of a column that contain no value of a row."""

    nulls: float
    """The share of NULL."""
    distinct: float
    """The number of distinct values; if negative, a multiple of the number of rows."""


@dataclass(frozen=True)
class Size:
    """The size of a table according to PostgreSQL's statistics, and its write rate."""

    rows: float
    pages: int = 0
    index_pages: int = 0
    writes_per_minute: float | None = None
    """Average since its statistics were reset; None if they do not have it."""
    columns: Mapping[str, Column] = field(default_factory=dict)
    """By name; without those that were never analyzed, and those whose statistics the role cannot read."""
    fires: frozenset[str] = frozenset()
    """`Insert`, `Update` and `Delete`, if a row trigger of a user fires on it."""
    indexes: int = 0
    keys: int = 0
    """Its foreign keys."""
    referenced: int = 0
    """Foreign keys of other tables that refer to it, with an index there."""
    unindexed: float = 0.0
    """The rows of tables that refer to it by a foreign key without an index there."""


@dataclass(frozen=True)
class Rates:
    """Units of each kind of work that a server does per second, as measured on it."""

    scanned: float
    checked: float
    """Rows checked for a foreign key."""
    indexed: float
    rewritten: float
    pages: float
    """Pages of 8 kB, read or written during other work."""
    read: float = 5e6
    """Rows that a query reads, sorts or joins."""
    found: float = 2e5
    """Rows that a query finds by an index."""
    inserted: float = 4e5
    updated: float = 2e5
