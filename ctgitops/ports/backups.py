"""Port that takes backups, proves that they can be restored, and restores them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..core.backup.drill import Drill
    from ..core.backup.stored_backup import StoredBackup
    from ..core.environment.backup_extent import BackupExtent
    from ..core.environment.environment import Environment
    from ..core.receipt import Receipt
    from ..core.run.progress import Listener
    from .shadow import Shadows


class Backups(Protocol):
    """Takes backups, proves that they can be restored, and restores them."""

    @property
    def shadows(self) -> Shadows | None:
        """Creates the copy on which a plan is tried. The trial shows the tables that the scope `affected` saves."""

    def take(self, environment: Environment, tell: Listener, extent: BackupExtent | None = None) -> Receipt:
        """Dumps the database, counts its rows, restores and compares the dump, and stores the receipt.

        Raises BackupError. Without `extent`, the backup saves what the manifest's scope selects without a plan.
        """

    def restore(self, receipt_at: str, url: str, tell: Listener) -> Receipt:
        """Restores a backup into the empty database at `url`. The path or URL of the receipt names the backup.

        Writes to the database. Raises BackupError if not everything was restored.
        """


class FinishedBackups(Protocol):
    """Works with the finished backups of environments."""

    def stored(self, environment: Environment) -> tuple[StoredBackup, ...]:
        """The finished backups of an environment, oldest first. Read-only. Raises CtgitopsError."""

    def drill(self, environment: Environment, tell: Listener) -> Drill:
        """Restores the newest backup on a throw-away server, and stores the result. Raises BackupError."""
