"""Port to proved backups: taking and restoring them."""

from __future__ import annotations

from typing import Protocol

from ..core.environment.environment import Environment
from ..core.receipt import Receipt
from ..core.run.progress import Listener


class Backups(Protocol):
    """Where proved backups come from and go back to."""

    def take(self, environment: Environment, tell: Listener) -> Receipt:
        """Dumps, counts, restores, compares, and writes the receipt last. Raises BackupError."""

    def restore(self, receipt_path: str, url: str, tell: Listener) -> Receipt:
        """Restores a backup into the empty database at `url` and counts its rows. Raises BackupError. Writes."""
