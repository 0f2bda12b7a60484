"""Creates proved backups. Imports their implementation only on first use, because the import takes 60 ms."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.backup.stored_backup import environment_of
from ..core.doctor.variables import IDENTITY
from ..errors import CtgitopsError, UsageError
from ..lazy import dataclass

if TYPE_CHECKING:
    from ..backup.backups import ProvedBackups
    from ..backup.encryption import PrivateKey
    from ..backup.finished import FinishedBackups
    from ..core.backup.drill import Drill
    from ..core.backup.retention import Pruned
    from ..core.backup.stored_backup import StoredBackup
    from ..core.environment.backup_extent import BackupExtent
    from ..core.environment.environment import Environment, StoreSettings
    from ..core.receipt import Receipt
    from ..core.run.progress import Listener
    from ..core.schema.snapshot import Snapshot
    from ..ports.shadow import Shadows
    from .addresses import Addresses


@dataclass(frozen=True)
class StoredBackups:
    """Implements `ports.backups.Backups`."""

    root: Path
    addresses: Addresses
    environments: Callable[[], tuple[Environment, ...]]
    """Returns the manifests, which contain the settings of buckets."""
    identity: str = ""
    """The file with a private key, or `$NAME` for a variable with the key. If empty, uses default variables."""

    @property
    def shadows(self) -> Shadows:
        """Creates copies on which a plan is tried. The trial finds the tables that a partial backup saves."""
        from .databases import ThrowAwayDatabases

        return ThrowAwayDatabases(self.addresses)

    def take(self, environment: Environment, tell: Listener, extent: BackupExtent | None = None) -> Receipt:
        """Takes a backup, and verifies it by a restore. Raises BackupError."""
        return self._proved().take(environment, tell, extent)

    def restore(self, receipt_at: str, url: str, tell: Listener) -> Receipt:
        """Restores a backup into an empty database. Raises BackupError. Writes."""
        return self._proved().restore(self._receipt_at(receipt_at), url, tell)

    def schema(self, receipt_at: str, tell: Listener) -> Snapshot:
        """The schema of a backup, which is restored on a throw-away server. Raises BackupError, UsageError."""
        return self._proved().schema(receipt_at, tell)

    def stored(self, environment: Environment) -> tuple[StoredBackup, ...]:
        """The finished backups of an environment, oldest first. Read-only. Raises CtgitopsError."""
        return self._finished().stored(environment)

    def verify(self, which: str, tell: Listener) -> tuple[Receipt, tuple[str, ...]]:
        """Compares a backup's files with its receipt. Returns the receipt, and what could not be checked.

        Raises BackupError.
        """
        return self._finished().verify(self._receipt_at(which), tell)

    def drill(self, environment: Environment, tell: Listener) -> Drill:
        """Restores the newest backup on a throw-away server, and stores the result. Raises BackupError."""
        return self._finished().drill(environment, tell)

    def prune(self, environment: Environment, tell: Listener, *, dry_run: bool) -> Pruned:
        """Removes old backups according to `backup.keep`. Raises CtgitopsError. Writes to the store."""
        return self._finished().prune(environment, tell, dry_run=dry_run)

    def restore_table(self, which: str, names: tuple[str, str], url: str, tell: Listener) -> tuple[Receipt, int]:
        """Restores the rows of one table into a new table. Returns the receipt and the number of rows. Writes.

        Raises BackupError.
        """
        return self._finished().restore_table(self._receipt_at(which), names, url, tell)

    def fetch_export(self, which: str, folder: Path, tell: Listener) -> Receipt:
        """Writes the exported files of a backup to a new folder. Raises UsageError, BackupError."""
        return self._finished().fetch_export(self._receipt_at(which), folder, tell)

    def _receipt_at(self, which: str) -> str:
        """The path or URL of a receipt. `which` is a backup's ID, or already a path or URL. Raises UsageError."""
        name = environment_of(which)
        if not name or Path(which).exists():
            return which
        known = [each for each in self.environments() if each.backup]
        for each in known:
            if each.name == name and each.backup:
                to = each.backup.to
                folder = to if "://" in to else str((self.root / Path(to).expanduser()).resolve())
                return f"{folder.rstrip('/')}/{which}"
        names = ", ".join(each.name for each in known) or "none"
        what = f"{which} is the ID of a backup of `{name}`, and no manifest of that name has `backup`"
        raise UsageError(what, hint=f"pass the URL or path of the backup; environments with `backup`: {names}")

    def _finished(self) -> FinishedBackups:
        from ..backup.finished import FinishedBackups

        return FinishedBackups(self._proved())

    def _proved(self) -> ProvedBackups:
        from ..backup.backups import ProvedBackups
        from ..postgres.connection.set_role import as_role

        return ProvedBackups(
            self.root,
            address_of=lambda environment: as_role(self.addresses.of(environment), environment.role),
            address_of_secret=lambda secret: self.addresses.named(secret, "backup.verify_server"),
            private_key=self.private_key,
            settings_of=self._settings,
            environments=self.environments,
        )

    def private_key(self) -> PrivateKey | None:
        """The private key that decrypts backups. None if the user names no variable and no file. Raises UsageError."""
        from ..backup.encryption import PrivateKey

        environ = self.addresses.environ
        if self.identity.startswith("$"):
            name = self.identity.strip("${}")
            if not environ.get(name):
                raise UsageError(f"{name} is not set", hint="export the variable, or pass `--identity FILE`")
            return PrivateKey(environ[name], name)
        if not self.identity and environ.get(IDENTITY):
            return PrivateKey(environ[IDENTITY], IDENTITY)
        file = self.identity or environ.get("CTGITOPS_IDENTITY_FILE", "")
        if not file:
            return None
        try:
            return PrivateKey(Path(file).expanduser().read_text(encoding="utf-8"), file)
        except (OSError, UnicodeDecodeError) as error:
            what = f"cannot read the private key in {file}: {getattr(error, 'strerror', 'the file is not text')}"
            raise UsageError(what, hint="name a file as age-keygen or ssh-keygen writes it") from None

    def _settings(self, address: str) -> StoreSettings:
        """The `backup.store` of the manifest that has this address in `backup.to`. Empty without such a manifest."""
        from ..core.environment.environment import StoreSettings

        if "://" in address:
            with suppress(CtgitopsError):  # a restore must work without a valid repository
                for each in self.environments():
                    if each.backup and each.backup.to.rstrip("/") == address.rstrip("/"):
                        return each.backup.store
        return StoreSettings()
