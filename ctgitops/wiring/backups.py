"""Backups in a folder, whose implementation is imported when one is taken: 60 ms that other runs need not pay."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .addresses import Addresses

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..core.receipt import Receipt
    from ..core.run.progress import Listener
    from ..ports.backups import Backups


@dataclass(frozen=True)
class FolderBackups:
    """Implements `ports.backups.Backups`."""

    root: Path
    addresses: Addresses

    def take(self, environment: Environment, tell: Listener) -> Receipt:
        """Takes a backup and proves it by a restore. Raises BackupError."""
        return self._local().take(environment, tell)

    def restore(self, receipt_path: str, url: str, tell: Listener) -> Receipt:
        """Restores a backup into an empty database. Raises BackupError. Writes."""
        return self._local().restore(receipt_path, url, tell)

    def _local(self) -> Backups:
        from ..backup.local import LocalBackups

        return LocalBackups(
            self.root,
            address_of=self.addresses.of,
            address_of_secret=lambda secret: self.addresses.named(secret, "backup.verify_server"),
        )
