"""Port to the storage of finished backups, such as a folder or a bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..core.receipt import SavedFile

RECEIPT = "receipt.json"
"""The name of the receipt. A backup without a receipt does not count."""
NOTES = "notes"
"""The folder of texts that were stored beside a finished backup, such as the results of drills."""


@dataclass(frozen=True)
class StoredCopy:
    """The objects of a backup in the store, and how they were compared with the dump."""

    objects: Mapping[str, SavedFile] = field(default_factory=dict)
    """Maps names relative to the backup to stored size and SHA-256. Empty if the dump is stored unchanged."""
    proof: str = ""
    """How the objects were compared with the dump, as text."""
    locked_until: str = ""
    """Until when the objects cannot be deleted, as ISO 8601. Empty without a lock."""


@dataclass(frozen=True)
class Draft:
    """A backup that is still being written. It does not count yet."""

    folder: Path
    """An empty local folder for the backup's files, because pg_dump writes and pg_restore reads a folder."""
    store: Callable[[Mapping[str, SavedFile]], StoredCopy]
    """Stores the files of `folder`. Proves that each stored file has the size and SHA-256 in the argument, which maps
    paths relative to `folder`. Writes. Raises BackupError or OSError."""
    fetch: Callable[[], None]
    """Replaces the files of `folder` by the copies in the store, after `store`. Raises BackupError or OSError."""
    finish: Callable[[str], None]
    """Stores the remaining files of `folder`, and then the receipt, whose text is the argument. Writes.

    So a backup with a receipt is complete. On return, all files are durable, and readable only by their owner. Raises
    BackupError or OSError."""


class BackupStore(Protocol):
    """Stores finished backups by ID. A backup without a receipt does not count, and `ids` leaves it out.

    Methods raise BackupError or OSError if the store cannot be reached.
    """

    def location(self, backup: str) -> str:
        """The path or URL of a backup, which need not exist. The receipt is at `LOCATION/receipt.json`."""

    def begin(self, backup: str) -> AbstractContextManager[Draft]:
        """Begins a backup. Removes the backup if it is not finished when the block ends. Writes."""

    def receipt(self, backup: str) -> str | None:
        """The text of a backup's receipt. None if the backup does not count or does not exist. Read-only."""

    def names(self, backup: str) -> tuple[str, ...]:
        """The names of a backup's files as stored, without the receipt and the notes. Read-only."""

    def content(self, backup: str, name: str) -> Iterator[bytes]:
        """One file of a backup as stored, possibly encrypted. Read-only. Raises BackupError or OSError."""

    def notes(self, backup: str) -> tuple[str, ...]:
        """The texts that `add_note` stored, oldest first. Read-only."""

    def add_note(self, backup: str, name: str, text: str) -> None:
        """Stores a text beside a finished backup. Deleting the backup deletes it. `name` sorts by time. Writes."""

    def get(self, backup: str, below: str = "") -> AbstractContextManager[Path]:
        """A local folder with all files of a backup, decrypted, readable until the block ends.

        With `below`, the folder needs only the files of the backup's folder of this name. The folder has no receipt if
        the backup does not count or does not exist.
        """

    def ids(self) -> tuple[str, ...]:
        """The IDs of the backups that count, sorted. Empty if nothing exists at the store's address. Read-only."""

    def unfinished(self) -> tuple[str, ...]:
        """The IDs of backups without a receipt, sorted: backups of running and interrupted runs. Read-only."""

    def delete(self, backup: str) -> None:
        """Removes a backup, its receipt first. A partly removed backup therefore does not count. Writes."""
