"""What a throw-away database contains: its schema as SQL, its rows, its sequences and its roles. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...lazy import dataclass

if TYPE_CHECKING:
    from .snapshot import Snapshot

Row = tuple[str, ...]
"""The values of a row as SQL constants, such as `'a'` or `NULL`."""


@dataclass(frozen=True)
class StoredColumn:
    """A column whose values a table stores. Generated columns are left out."""

    name: str
    """The name as SQL."""
    fills_itself: bool = False
    """Whether the column has a default that is not constant, such as `now()` or `gen_random_uuid()`."""
    always: bool = False
    """Whether the column is GENERATED ALWAYS AS IDENTITY."""
    today: bool = False
    """Whether the column has such a default, and every row has the current date. Two replays give the same date."""


@dataclass(frozen=True)
class TableRows:
    """The rows of one table, without those of its children and partitions."""

    name: str
    """The name as SQL, with the schema."""
    columns: tuple[StoredColumn, ...]
    rows: tuple[Row, ...]

    def only(self, columns: tuple[StoredColumn, ...]) -> list[Row]:
        """The values of some columns, sorted, so that equal rows give equal lists."""
        places = [self.columns.index(column) for column in columns]
        return sorted((tuple(row[at] for at in places) for row in self.rows), key=_in_order)

    def differing(self, other: TableRows) -> tuple[StoredColumn, ...]:
        """The columns whose values differ from those of another table, in any order of the rows, or on another day."""
        return tuple(
            column
            for at, column in enumerate(self.columns)
            if column.today or Counter(row[at] for row in self.rows) != Counter(row[at] for row in other.rows)
        )


@dataclass(frozen=True)
class Contents:
    """Everything that a database contains, for a comparison with another database and for a squashed file."""

    major: int
    before_rows: tuple[str, ...]
    """The statements that create the schema, without indexes, constraints between tables, triggers and policies."""
    after_rows: tuple[str, ...]
    """The statements that create the rest of the schema."""
    tables: tuple[TableRows, ...]
    """The tables that have rows. Without the tables of extensions."""
    sequences: tuple[tuple[str, str, str], ...]
    """The name of each sequence, its last value, and whether `nextval` was called (`true` or `false`)."""
    populated: tuple[str, ...]
    """The materialized views that have rows, in the order in which they were created."""
    of_extensions: tuple[tuple[str, str], ...]
    """The name of each table of an extension, and a hash of its rows."""
    large_objects: int
    roles: tuple[str, ...]
    """The statements that create the roles of the migrations."""
    server: Snapshot
    """The roles, their memberships, and settings."""
    shared: tuple[tuple[str, str], ...] = ()
    """What else pg_dump does not write, as names and values: all roles, the privileges on the database, …"""


def _in_order(row: Row) -> tuple[tuple[int, str], ...]:
    return tuple((len(value), value) for value in row)
