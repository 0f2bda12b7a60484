"""Proved backups. Imports their implementation on first use, which saves other runs 60 ms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .addresses import Addresses

if TYPE_CHECKING:
    from ..backup.backups import ProvedBackups
    from ..core.environment.environment import Environment
    from ..core.receipt import Receipt
    from ..core.run.progress import Listener
    from ..core.schema.snapshot import Snapshot


@dataclass(frozen=True)
class StoredBackups:
    """Implements `ports.backups.Backups`."""

    root: Path
    addresses: Addresses

    def take(self, environment: Environment, tell: Listener) -> Receipt:
        """Takes a backup and proves it by a restore. Raises BackupError."""
        return self._proved().take(environment, tell)

    def restore(self, receipt_at: str, url: str, tell: Listener) -> Receipt:
        """Restores a backup into an empty database. Raises BackupError. Writes."""
        return self._proved().restore(receipt_at, url, tell)

    def schema(self, receipt_at: str, tell: Listener) -> Snapshot:
        """The schema of a backup, which is restored on a throw-away server. Raises BackupError, UsageError."""
        return self._proved().schema(receipt_at, tell)

    def _proved(self) -> ProvedBackups:
        from ..backup.backups import ProvedBackups
        from ..postgres.connection.set_role import as_role

        return ProvedBackups(
            self.root,
            address_of=lambda environment: as_role(self.addresses.of(environment), environment.role),
            address_of_secret=lambda secret: self.addresses.named(secret, "backup.verify_server"),
        )
