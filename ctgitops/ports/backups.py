"""Port that takes and restores proved backups."""

from __future__ import annotations

from typing import Protocol

from ..core.backup.drill import Drill
from ..core.backup.stored_backup import StoredBackup
from ..core.environment.environment import Environment
from ..core.receipt import Receipt
from ..core.run.progress import Listener


class Backups(Protocol):
    """Takes and restores proved backups."""

    def take(self, environment: Environment, tell: Listener) -> Receipt:
        """Dumps, counts rows, restores, compares, and then stores the receipt. Raises BackupError."""

    def restore(self, receipt_at: str, url: str, tell: Listener) -> Receipt:
        """Restores a backup, named by its receipt's path or URL, into the empty database at `url`. Writes.

        Raises BackupError if not everything was restored.
        """


class FinishedBackups(Protocol):
    """Works with the finished backups of environments."""

    def stored(self, environment: Environment) -> tuple[StoredBackup, ...]:
        """The finished backups of an environment, oldest first. Read-only. Raises CtgitopsError."""

    def drill(self, environment: Environment, tell: Listener) -> Drill:
        """Restores the newest backup on a throw-away server, and stores the result beside it. Raises BackupError."""
