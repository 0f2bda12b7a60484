"""Port to the storage of finished backups, such as a folder or a bucket."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

RECEIPT = "receipt.json"
"""The name of the receipt. A backup without one does not count."""


@dataclass(frozen=True)
class Draft:
    """A backup that is still being written, and does not count yet."""

    folder: Path
    """An empty local folder for its files: pg_dump writes and pg_restore reads a folder."""
    finish: Callable[[str], None]
    """Stores the files of `folder` and then the receipt, whose text is the argument. Writes.

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

    def get(self, backup: str) -> AbstractContextManager[Path]:
        """A local folder with all files of a backup, readable until the block ends.

        The folder has no receipt if the backup does not count or does not exist.
        """

    def ids(self) -> tuple[str, ...]:
        """The IDs of the backups that count, sorted; empty if nothing exists at the store's address. Read-only."""

    def delete(self, backup: str) -> None:
        """Removes a backup, first its receipt: after an interrupted removal, the backup does not count. Writes."""
