"""Candidates for a selector or a ledger entry: the migrations of files, of a ledger, or of both. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..migration.selector import Candidate

if TYPE_CHECKING:
    from ..ledger.ledger import Entry, Ledger
    from ..migration.migration import Migration


def file_of(same: Iterable[Migration], entry: Entry | None) -> Migration | None:
    """The file with the entry's name, or else with the entry's checksum, or else the first. None if `same` is empty."""
    files = tuple(same)
    if entry:
        by_name = next((m for m in files if m.name == entry.name), None)
        if found := by_name or next((m for m in files if m.checksum == entry.checksum), None):
            return found
    return files[0] if files else None


def by_number(migrations: Iterable[Migration], entries: Iterable[Entry]) -> dict[int, Migration]:
    """Maps each number to the file of the newest ledger entry with the number, or to the first file with the number."""
    newest = {entry.number: entry for entry in entries}
    files: dict[int, list[Migration]] = {}
    for migration in migrations:
        files.setdefault(migration.number, []).append(migration)
    return {number: found for number, same in files.items() if (found := file_of(same, newest.get(number)))}


def of_files(migrations: Iterable[Migration]) -> tuple[Candidate, ...]:
    """The migration of each file as a candidate."""
    return tuple(Candidate(m.number, m.name, m.version) for m in migrations)


def of_ledger(entries: Iterable[Entry], migrations: Iterable[Migration]) -> tuple[Candidate, ...]:
    """Each ledger entry as a candidate, with the name in the entry and the current name of its file."""
    listed = tuple(entries)
    files = by_number(migrations, listed)
    known: list[Candidate] = []
    for entry in listed:
        number = entry.number
        if number is None:
            continue
        file = files.get(number)
        if file and file.checksum == entry.checksum:
            known.append(Candidate(number, file.name, entry.schema_version))
        known.append(Candidate(number, entry.name, entry.schema_version))
    return tuple(known)


def of_all(ledger: Ledger, migrations: Iterable[Migration]) -> tuple[Candidate, ...]:
    """The ledger entries, and the files without an entry, as candidates."""
    files = tuple(migrations)
    entries = [e for e in ledger.entries if e.number is not None]
    return (*of_files(files), *of_ledger(entries, files))
