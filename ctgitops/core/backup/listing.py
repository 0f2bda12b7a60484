"""The finished backups of each environment, newest first, with the migrations that came after each backup."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ...lazy import dataclass

if TYPE_CHECKING:
    from ...errors import CtgitopsError
    from ..ledger.ledger import Ledger
    from .stored_backup import StoredBackup


@dataclass(frozen=True)
class BackupListing:
    """The backups of one environment."""

    environment: str
    to: str
    now: datetime
    backups: tuple[StoredBackup, ...] = ()
    """The finished backups, newest first."""
    ledger: Ledger | None = None
    """The environment's ledger. None if the ledger cannot be read. `unread` then contains the reason."""
    unread: str = ""
    by: str = ""
    """The provider that takes and keeps the backups. Empty if ctgitops stores them."""
    error: CtgitopsError | None = None
    """Why the store cannot be read. None if the store was read."""

    def after(self, backup: StoredBackup) -> tuple[str, ...] | None:
        """The migrations that came after a backup. None if these migrations are not known."""
        return None if self.ledger is None or backup.unreadable else backup.migrations_after(self.ledger)
