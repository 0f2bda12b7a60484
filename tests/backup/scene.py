"""A test database, a folder for its backups, and a recorder of all progress messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ctgitops.backup.backups import ProvedBackups
from ctgitops.backup.encryption import PrivateKey
from ctgitops.backup.store import StorePlace, store_at
from ctgitops.core.environment.environment import BackupPolicy, Environment, KeepPolicy, StoreSettings
from ctgitops.core.receipt import Receipt
from ctgitops.core.run.backup_progress import BackupAdvanced, BackupMeasured
from ctgitops.core.run.progress import Progress
from ctgitops.ports.backup_store import BackupStore
from ctgitops.postgres.connection.connect import Address


@dataclass
class Scene:
    """Takes and restores backups of one database; `meanwhile` is called with all that is told."""

    root: Path
    url: str
    verify_url: str | None = None
    critical: tuple[str, ...] = ()
    meanwhile: Callable[[str], None] = field(default=lambda _words: None)
    said: list[str] = field(default_factory=list)
    measured: list[BackupMeasured] = field(default_factory=list)
    to: str = "backups"
    store_at: Callable[[StorePlace], BackupStore] = store_at
    settings: StoreSettings = field(default_factory=StoreSettings)
    encrypt_to: tuple[str, ...] = ()
    from_store: bool = False
    key: str | None = None
    keep: KeepPolicy | None = None
    more: dict[str, Any] = field(default_factory=dict)
    """More fields of the policy."""

    @property
    def backups(self) -> ProvedBackups:
        return ProvedBackups(
            self.root,
            address_of=lambda environment: Address(self.url, label=f"{environment.name} (STAGING_DATABASE_URL)"),
            address_of_secret=lambda name: Address(self.verify_url or "", label=f"the verify server ({name})"),
            store_at=self.store_at,
            private_key=lambda: PrivateKey(self.key, "KEY") if self.key is not None else None,
            settings_of=lambda _address: self.settings,
        )

    def take(self) -> Receipt:
        verify = "VERIFY_URL" if self.verify_url else None
        policy = BackupPolicy(
            self.to,
            critical_tables=self.critical,
            verify_server=verify,
            encrypt_to=self.encrypt_to,
            from_store=self.from_store,
            store=self.settings,
            keep=self.keep,
            **self.more,
        )
        return self.backups.take(Environment("staging", "STAGING_DATABASE_URL", backup=policy), self.tell)

    def restore(self, receipt: Receipt, url: str) -> Receipt:
        return self.backups.restore(f"{receipt.location}/receipt.json", url, self.tell)

    def tell(self, progress: Progress) -> None:
        if isinstance(progress, BackupMeasured):
            self.measured.append(progress)
            return
        assert isinstance(progress, BackupAdvanced)
        self.said.append(progress.what)
        self.meanwhile(progress.what)

    @property
    def left(self) -> list[Path]:
        """Every file below the backups' folder."""
        return sorted(path for path in (self.root / "backups").rglob("*") if not path.is_dir())

    @property
    def partial(self) -> Path:
        """The folder of the backup that is being made."""
        [folder] = (self.root / "backups").glob("*.partial")
        return folder
