"""Port to the storage of finished backups, such as a folder or a bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..lazy import dataclass

if TYPE_CHECKING:
    from ..core.receipt import SavedFile

RECEIPT = "receipt.json"
"""The name of the receipt's file. A backup without a receipt does not count."""
NOTES = "notes"
"""The folder for texts that are stored beside a finished backup, such as the results of drills."""


@dataclass(frozen=True)
class StoredCopy:
    """The objects of a backup in the store, and how they were compared with the dump."""

    objects: Mapping[str, SavedFile] = field(default_factory=dict)
    """Maps each object's name in the backup to its stored size and SHA-256. Empty if the dump is unchanged."""
    proof: str = ""
    """How the objects were compared with the dump, as text."""
    locked_until: str = ""
    """Until when the objects cannot be deleted, as ISO 8601. Empty without a lock."""


@dataclass(frozen=True)
class Draft:
    """A backup that is still being written. It does not count yet."""

    folder: Path
    """An empty local folder for the backup's files. pg_dump writes to this folder, and pg_restore reads from it."""
    store: Callable[[Mapping[str, SavedFile]], StoredCopy]
    """Stores the files of `folder`. The argument maps relative paths to files.

    Proves that each stored file has the size and SHA-256 in the argument. Raises BackupError or OSError.
    """
    fetch: Callable[[], None]
    """After `store`, replaces the files of `folder` with the copies in the store. Raises BackupError or OSError."""
    finish: Callable[[str], None]
    """Stores the remaining files of `folder`, and then the receipt, whose text is the argument.

    So a backup with a receipt is complete. On return, all files are durable and readable only by their owner. Raises
    BackupError or OSError.
    """


class BackupStore(Protocol):
    """Stores finished backups by ID. A backup without a receipt does not count, and `ids` leaves it out.

    Methods raise BackupError or OSError if the store cannot be reached.
    """

    def location(self, backup: str) -> str:
        """The path or URL of a backup. The backup need not exist. Its receipt is at `LOCATION/receipt.json`."""

    def begin(self, backup: str) -> AbstractContextManager[Draft]:
        """Begins a backup. If the backup is not finished when the block ends, removes it. Writes to the store."""

    def receipt(self, backup: str) -> str | None:
        """The text of a backup's receipt. None if the backup does not count or does not exist. Read-only."""

    def names(self, backup: str) -> tuple[str, ...]:
        """The names of a backup's stored files, without the receipt and the notes. Read-only."""

    def content(self, backup: str, name: str) -> Iterator[bytes]:
        """The content of one stored file of a backup. It may be encrypted. Read-only. Raises BackupError or OSError."""

    def notes(self, backup: str) -> tuple[str, ...]:
        """The texts that `add_note` stored, oldest first. Read-only."""

    def add_note(self, backup: str, name: str, text: str) -> None:
        """Stores a text beside a finished backup, until the backup is deleted. The names of the texts sort by time."""

    def get(self, backup: str, below: str = "") -> AbstractContextManager[Path]:
        """A local folder with all files of a backup, decrypted, readable until the block ends.

        With `below`, the folder needs only the files of the backup's folder of this name. The folder has no receipt if
        the backup does not count or does not exist.
        """

    def ids(self) -> tuple[str, ...]:
        """The sorted IDs of the backups that count. Empty if the store does not exist yet. Read-only."""

    def unfinished(self) -> tuple[str, ...]:
        """The sorted IDs of backups without a receipt. Their runs are still active or were interrupted. Read-only."""

    def delete(self, backup: str) -> None:
        """Removes a backup. Removes the receipt first, because a backup without a receipt does not count."""
