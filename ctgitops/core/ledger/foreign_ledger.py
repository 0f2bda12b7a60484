"""The ledger of another migration tool in a database: which migrations that tool has applied. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from ...lazy import dataclass

if TYPE_CHECKING:
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
    checksum: str = ""
    """The checksum of the file, in the tool's own form. Empty if the tool records none."""


@dataclass(frozen=True)
class ForeignLedger:
    """The table in which a tool keeps its applied migrations, and the table's rows."""

    tool: str
    """The tool's value of `layout` in the policy."""
    title: str
    """The tool's name."""
    table: str
    """The qualified name of the table."""
    rows: tuple[ForeignRow, ...]
    all_before: bool = False
    """Whether the tool records only the newest migration. All earlier migrations then count as applied."""
    objects: tuple[str, ...] = ()
    """Patterns of the objects that belong to the tool, as in `drift: {ignore: […]}`."""
    by_name: bool = False
    """Whether the tool identifies a migration by its name, even if another file has the same checksum."""
    new: bool = False
    """Whether the table does not exist yet."""

    def row_of(self, migration: Migration) -> ForeignRow | None:
        """The row of a migration. None if the tool has not applied the migration."""
        return next((row for row in self.rows if self._matches(row, migration)), None)

    def renamed(self, row: ForeignRow, migrations: tuple[Migration, ...]) -> Migration | None:
        """The file with the checksum of a row, but another name or number. None if there is none."""
        found = (m for m in migrations if m.record and row.checksum and row.checksum in m.record.checksums)
        return next((each for each in found if not self._matches(row, each)), None)

    def _matches(self, row: ForeignRow, migration: Migration) -> bool:
        file = migration.path.removesuffix(".sql").removesuffix("/migration").rpartition("/")[2]
        if row.number is not None:
            digits = re.match(r"[0-9]+", file)
            numbers = {migration.number, int(digits[0]) if digits else migration.number}
            return row.number in numbers or (self.all_before and migration.number < row.number)
        record = migration.record
        if row.checksum and record and not self.by_name:
            return row.checksum in record.checksums
        names = {record.key} if record else {migration.name.partition("_")[2], file}
        return row.name in names
