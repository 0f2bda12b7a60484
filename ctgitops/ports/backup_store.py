"""Port to the place where finished backups are stored, such as a folder or a bucket."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

RECEIPT = "receipt.json"
"""The file that makes a backup count."""


@dataclass(frozen=True)
class Draft:
    """A backup that is being written, and that does not count yet."""

    folder: Path
    """An empty local folder for its files: pg_dump writes and pg_restore reads a folder."""
    finish: Callable[[str], None]
    """Stores the files of `folder`, then the text of the receipt, so that a backup with a receipt is complete.

    All of it is durable and readable only by its owner on return. Raises BackupError or OSError. Writes."""


class BackupStore(Protocol):
    """Stores finished backups by ID. A backup without a receipt does not count: `ids` leaves it out.

    Methods raise BackupError or OSError if the store cannot be reached.
    """

    def location(self, backup: str) -> str:
        """The path or URL of a backup, which need not exist; the receipt is at `LOCATION/receipt.json`."""

    def begin(self, backup: str) -> AbstractContextManager[Draft]:
        """A new backup. When the block ends, everything that was not finished is removed. Writes."""

    def get(self, backup: str) -> AbstractContextManager[Path]:
        """A local folder with all files of a backup, readable until the block ends.

        Without a receipt in it if the backup does not count or does not exist.
        """

    def ids(self) -> tuple[str, ...]:
        """The backups that count, sorted; empty if there is nothing at the store's address. Read-only."""

    def delete(self, backup: str) -> None:
        """Removes a backup, its receipt first: an interrupted removal leaves a backup that does not count. Writes."""
