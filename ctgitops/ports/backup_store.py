"""Port to the storage of finished backups, such as a folder or a bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..core.receipt import SavedFile

RECEIPT = "receipt.json"
"""The name of the receipt. A backup without one does not count."""
NOTES = "notes"
"""The folder of texts that were stored beside a finished backup, such as the results of drills."""


@dataclass(frozen=True)
class StoredCopy:
    """What the store has of a backup, compared with what was dumped."""

    objects: Mapping[str, SavedFile] = field(default_factory=dict)
    """By name relative to the backup, size and SHA-256 as stored. Empty if the store has the dump's own files."""
    proof: str = ""
    """How it was compared with what was dumped, as text."""


@dataclass(frozen=True)
class Draft:
    """A backup that is still being written, and does not count yet."""

    folder: Path
    """An empty local folder for its files: pg_dump writes and pg_restore reads a folder."""
    store: Callable[[Mapping[str, SavedFile]], StoredCopy]
    """Stores the files of `folder`, and proves that the store has what the argument says: size and SHA-256 of each file
    by its path relative to `folder`. Writes. Raises BackupError or OSError."""
    fetch: Callable[[], None]
    """Replaces the files of `folder` by what the store has of them, after `store`. Raises BackupError or OSError."""
    finish: Callable[[str], None]
    """Stores the files of `folder` that are not stored yet, and then the receipt, whose text is the argument. Writes.

    So a backup with a receipt is complete. On return, all files are durable, and readable only by their owner. Raises
    BackupError or OSError."""


class BackupStore(Protocol):
    """Stores finished backups by ID. A backup without a receipt does not count: `ids` leaves it out.

    Methods raise BackupError or OSError if the store cannot be reached.
    """

    def location(self, backup: str) -> str:
        """The path or URL of a backup, which need not exist; the receipt is at `LOCATION/receipt.json`."""

    def begin(self, backup: str) -> AbstractContextManager[Draft]:
        """A new backup. If it is not finished when the block ends, it is removed. Writes."""

    def receipt(self, backup: str) -> str | None:
        """The text of a backup's receipt; None if the backup does not count or does not exist. Read-only."""

    def names(self, backup: str) -> tuple[str, ...]:
        """The names of a backup's files as stored, without the receipt and the notes. Read-only."""

    def content(self, backup: str, name: str) -> Iterator[bytes]:
        """One of these files as stored: encrypted, if it is. Read-only. Raises BackupError or OSError."""

    def notes(self, backup: str) -> tuple[str, ...]:
        """The texts that `add_note` stored, oldest first. Read-only."""

    def add_note(self, backup: str, name: str, text: str) -> None:
        """Stores a text beside a finished backup, with which it is deleted. `name` sorts by time. Writes."""

    def get(self, backup: str) -> AbstractContextManager[Path]:
        """A local folder with all files of a backup, decrypted, readable until the block ends.

        The folder has no receipt if the backup does not count or does not exist.
        """

    def ids(self) -> tuple[str, ...]:
        """The IDs of the backups that count, sorted; empty if nothing exists at the store's address. Read-only."""

    def unfinished(self) -> tuple[str, ...]:
        """The IDs of backups without a receipt, sorted: those of running and of interrupted runs. Read-only."""

    def delete(self, backup: str) -> None:
        """Removes a backup, first its receipt: after an interrupted removal, the backup does not count. Writes."""
