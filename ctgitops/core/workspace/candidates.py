"""The migrations that a selector can select: those of files, of a ledger, or of both. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ..ledger.ledger import Entry, Ledger
from ..migration.migration import Migration
from ..migration.selector import Candidate
from .file_of import by_number


def of_files(migrations: Iterable[Migration]) -> tuple[Candidate, ...]:
    """The migrations of files."""
    return tuple(Candidate(m.number, m.name, m.version) for m in migrations)


def of_ledger(entries: Iterable[Entry], migrations: Iterable[Migration]) -> tuple[Candidate, ...]:
    """The migrations of ledger entries, each by its own name and by that of its file, which may be renamed since."""
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
    """The migrations that have ledger entries, and those of the files."""
    files = tuple(migrations)
    entries = [e for e in ledger.entries if e.number is not None]
    return (*of_files(files), *of_ledger(entries, files))
