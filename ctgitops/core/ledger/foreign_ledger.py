"""The ledger of another migration tool in a database: which migrations that tool has applied. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from ..migration.migration import Migration


@dataclass(frozen=True)
class ForeignRow:
    """One migration that another tool recorded."""

    number: int | None
    """The number in the layout of the tool. None if the tool records a name or a hash instead."""
    name: str
    """The tool's own key, such as a version, a name or a file."""
    complete: bool = True
    """False if the tool recorded the migration as failed, dirty or not finished."""
    applied_at: datetime | None = None
    by: str = ""
    """Who applied the migration. Empty if the tool does not record this."""
    sha256: str = ""
    """The SHA-256 of the file in hexadecimal, if the tool records it."""


@dataclass(frozen=True)
class ForeignLedger:
    """The table in which a tool keeps its applied migrations, and the table's rows."""

    title: str
    """The tool's name."""
    table: str
    """The qualified name of the table."""
    rows: tuple[ForeignRow, ...]
    all_before: bool = False
    """Whether the tool records only the newest migration. All earlier migrations then count as applied."""
    objects: tuple[str, ...] = ()
    """Patterns of the objects that belong to the tool, as in `drift: {ignore: […]}`."""

    def row_of(self, migration: Migration) -> ForeignRow | None:
        """The row of a migration. None if the tool has not applied the migration."""
        file = migration.path.removesuffix(".sql").removesuffix("/migration").rpartition("/")[2]
        digits = re.match(r"[0-9]*", file)
        numbers = {migration.number, int(digits[0]) if digits and digits[0] else migration.number}
        names = {migration.name.partition("_")[2], file}
        digest = migration.checksum.removeprefix("sha256:")
        for row in self.rows:
            if row.number is not None:
                found = row.number in numbers or (self.all_before and migration.number < row.number)
            else:
                found = row.sha256 == digest if row.sha256 else row.name in names
            if found:
                return row
        return None
