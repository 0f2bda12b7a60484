"""Port to proved backups: taking and restoring them."""

from __future__ import annotations

from typing import Protocol

from ..core.environment.environment import Environment
from ..core.receipt import Receipt
from ..core.run.progress import Listener


class Backups(Protocol):
    """Takes and restores proved backups."""

    def take(self, environment: Environment, tell: Listener) -> Receipt:
        """Dumps, counts, restores, compares, and stores the receipt last. Raises BackupError."""

    def restore(self, receipt_at: str, url: str, tell: Listener) -> Receipt:
        """Restores the backup of a receipt, a path or a URL, into the empty database at `url`. Writes.

        Raises BackupError if not all of it was restored.
        """
