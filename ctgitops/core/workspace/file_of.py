"""Finds the file of a ledger entry among several files with one number. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ..ledger.ledger import Entry
from ..migration.migration import Migration


def file_of(same: Iterable[Migration], entry: Entry | None) -> Migration | None:
    """The file with the entry's name, else with its checksum, else the first; None for no files."""
    files = tuple(same)
    if entry:
        by_name = next((m for m in files if m.name == entry.name), None)
        if found := by_name or next((m for m in files if m.checksum == entry.checksum), None):
            return found
    return files[0] if files else None


def by_number(migrations: Iterable[Migration], entries: Iterable[Entry]) -> dict[int, Migration]:
    """One file for each number: that of the number's newest entry, else the first."""
    newest = {entry.number: entry for entry in entries}
    files: dict[int, list[Migration]] = {}
    for migration in migrations:
        files.setdefault(migration.number, []).append(migration)
    return {number: found for number, same in files.items() if (found := file_of(same, newest.get(number)))}
