"""Exports tables to files that can be read without PostgreSQL, in addition to the dump.

Verifies the files: loads them, and compares the loaded rows with the exported rows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..core.environment.environment import ExportFormat
from ..core.receipt import EXPORT, ExportedTable
from ..core.run.backup_progress import BackupAdvanced
from ..core.run.progress import Listener
from ..core.table_export import ExportedRows, ExportEntry, ExportFile, manifest_entries, manifest_text
from ..errors import BackupError
from ..postgres.catalog.exported_snapshot import ExportedSnapshot
from ..postgres.catalog.table_copy import TableName
from ..postgres.catalog.table_export import ExportTable, csv_rows, load_and_count, profile, text_rows
from .csv_export import read_csv, write_csv
from .folder_store import pieces
from .meter import ByteCounter, bytes_measured
from .parquet_export import read_parquet, write_parquet
from .pg_dump import UNTOUCHED, many
from .proof import ProofDatabase
from .store import checksum

MANIFEST = "manifest.json"
_PLAIN_NAME = re.compile(r"[a-z0-9_-]{1,63}")
T = TypeVar("T")


@dataclass(frozen=True)
class ExportJob:
    """The tables to export, and the folder for their files."""

    tables: tuple[ExportTable, ...]
    format: ExportFormat
    folder: Path
    """The backup's local folder."""
    about: Mapping[str, str]
    """Facts for the beginning of the manifest."""
    tell: Listener
    check: Callable[[], None]
    """Raises BackupError if the time limit of the backup has passed."""


def write_export(job: ExportJob, snapshot: ExportedSnapshot) -> dict[str, ExportedTable]:
    """Writes the files of all tables, and their manifest. Reads the snapshot. Raises BackupError or OSError."""
    folder = job.folder / EXPORT
    folder.mkdir(mode=0o700)
    entries, counter = [], ByteCounter()
    job.tell(BackupAdvanced(f"counting the rows of {many(len(job.tables), 'table')} to export"))
    with snapshot.reader() as connection:
        profiles = []
        for each in job.tables:
            profiles.append(profile(connection, each))
            job.check()
        total = sum(counted.rows for _, counted in profiles)
        with bytes_measured("exporting", "rows", total, job.tell, counter):
            for table, counted in profiles:
                stem = file_stem(table.name)
                if job.format is ExportFormat.CSV:
                    files = write_csv(_watched(csv_rows(connection, table), job, counter), folder, stem)
                else:
                    rows = _watched(text_rows(connection, table), job, counter)
                    files = write_parquet(rows, table.columns, folder, stem)
                saved = tuple(_described(folder / name) for name in files)
                name = table.name
                entries.append(
                    ExportEntry(str(name), name.schema, name.name, counted.rows, counted.digest, table.columns, saved)
                )
    (folder / MANIFEST).write_text(manifest_text(job.about, job.format.value, entries), encoding="utf-8")
    return {
        each.table: ExportedTable(each.rows, each.digest, tuple(file.name for file in each.files)) for each in entries
    }


def _described(file: Path) -> ExportFile:
    found = checksum(pieces(file))
    return ExportFile(file.name, found.bytes, found.sha256)


def _watched(rows: Iterator[T], job: ExportJob, counter: ByteCounter) -> Iterator[T]:
    for number, row in enumerate(rows):
        if number % 1000 == 0:
            job.check()
        counter(1)
        yield row


def file_stem(table: TableName) -> str:
    """The beginning of a table's file names. A hash distinguishes names that a file system treats as equal."""
    if all(map(_PLAIN_NAME.fullmatch, (table.schema, table.name))):
        return f"{table.schema}.{table.name}"
    slug = re.sub(r"[^a-z0-9_-]+", "-", f"{table.schema}-{table.name}".lower()).strip("-")[:100]
    return f"{slug or 'table'}-{hashlib.sha256(str(table).encode()).hexdigest()[:8]}"


def compare_export(
    folder: Path,
    exported: Mapping[str, ExportedTable],
    place: ProofDatabase,
    tell: Listener,
    check: Callable[[], None] = lambda: None,
) -> list[str]:
    """Loads the files into temporary tables in `place`. Returns how the loaded rows differ from the exported rows.

    `folder` is the backup's local folder. `place` must have the types of the columns. Writes to `place`. Raises
    BackupError or OSError.
    """
    entries = _entries(folder)
    wrong = [f"export of {table} is missing" for table in sorted(exported.keys() - {each.table for each in entries})]
    counter = ByteCounter()
    with bytes_measured("comparing the export", "rows", sum(each.rows for each in exported.values()), tell, counter):
        for entry in entries:
            table = ExportTable(TableName(entry.schema, entry.name), entry.columns)
            blocks = _checked(_blocks([folder / EXPORT / file.name for file in entry.files]), check)
            found = load_and_count(place.address, place.database, table, blocks, counter)
            wrong += filter(None, [_difference(entry.table, exported.get(entry.table), found)])
    if not wrong:
        tell(BackupAdvanced(f"loaded the exported files of {many(len(entries), 'table')} and compared the rows"))
    return wrong


def refuse_if_different(wrong: list[str]) -> None:
    """Raises BackupError if the files of a new export differ from the exported rows."""
    if wrong:
        what = f"the exported files differ from the rows: {'; '.join(wrong[:5])}"
        hint = "save the messages above and report this bug, or remove `backup.export` from the manifest"
        raise BackupError(what, state=UNTOUCHED, hint=hint)


def _difference(table: str, expected: ExportedTable | None, found: ExportedRows) -> str:
    if expected is None:
        return f"export of {table} is not in the receipt"
    if found.rows != expected.rows:
        return f"export of {table}: {expected.rows:,} rows in the database, {found.rows:,} in the files"
    same = found.digest == expected.digest
    return "" if same else f"export of {table}: same number of rows, but different contents"


def _entries(folder: Path) -> tuple[ExportEntry, ...]:
    file = folder / EXPORT / MANIFEST
    try:
        return manifest_entries(file.read_text(encoding="utf-8"))
    except (ValueError, FileNotFoundError) as error:
        raise BackupError(f"the manifest of the export cannot be read: {error}", state=UNTOUCHED) from None


def _blocks(paths: list[Path]) -> Iterator[bytes]:
    return read_csv(paths) if all(path.name.endswith(".csv.gz") for path in paths) else read_parquet(paths)


def _checked(blocks: Iterable[bytes], check: Callable[[], None]) -> Iterator[bytes]:
    for block in blocks:
        check()
        yield block
