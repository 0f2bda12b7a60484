"""Lists, compares, removes and restores finished backups."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic

from ..core.backup.drill import Drill
from ..core.backup.retention import Pruned
from ..core.backup.stored_backup import StoredBackup, environment_of
from ..core.environment.environment import Environment
from ..core.receipt import EXPORT, Receipt
from ..core.run.backup_progress import BackupAdvanced
from ..core.run.progress import Listener
from ..errors import BackupError, CtgitopsError, UsageError
from ..ports.backup_store import BackupStore
from ..postgres.catalog.table_copy import TableName
from ..postgres.connection.connect import Address
from .backups import ProvedBackups, as_progress, stored_policy
from .catalogue import stored_backups
from .child_process import termination_as_interrupt
from .drill import NOT_RESTORABLE, DrillJob, restore_beside
from .export_fetch import save_export
from .integrity import UNCHANGED, check_integrity
from .pg_dump import many
from .proof import local_proof
from .provider import drill_by_command
from .prune import PruneJob, prune
from .store import StorePlace, read_receipt, split_receipt
from .table_restore import TableRestore, restore_table


@dataclass(frozen=True)
class FinishedBackups:
    """The finished backups in the stores that manifests name."""

    proved: ProvedBackups

    def stored(self, environment: Environment) -> tuple[StoredBackup, ...]:
        """The finished backups of the environment, oldest first. Read-only. Raises CtgitopsError."""
        with _exit_7():
            return stored_backups(self._store(environment), environment.name)

    def prune(self, environment: Environment, tell: Listener, *, dry_run: bool) -> Pruned:
        """Removes old backups as `backup.keep` demands. Writes to the store unless `dry_run`. Raises CtgitopsError."""
        keep = stored_policy(environment).keep
        if keep is None:
            hint = f"add it to {environment.path}, such as `keep: {{last: 10, days: 90}}`"
            raise UsageError(f"{environment.name} has no `backup.keep` in its manifest", hint=hint)
        source = self.proved.address_of(environment)
        others = partial(self.proved.sharing, environment)
        job = PruneJob(environment, keep, source, self._store(environment), as_progress(tell), others)
        with termination_as_interrupt(), _exit_7():
            return prune(job, dry_run=dry_run)

    def verify(self, receipt_at: str, tell: Listener) -> tuple[Receipt, tuple[str, ...]]:
        """Compares each stored file of a backup with its receipt. Returns the receipt, and what could not be checked.

        Read-only. Raises BackupError.
        """
        address, backup, name = split_receipt(receipt_at)
        place = StorePlace(address, self.proved.root, self.proved.settings_of(address))
        with termination_as_interrupt(), _exit_7():
            store = self.proved.store_at(place)
            receipt = _own_receipt(store, backup, name)
            return receipt, check_integrity(store, receipt, tell)

    def restore_table(self, receipt_at: str, names: tuple[str, str], url: str, tell: Listener) -> tuple[Receipt, int]:
        """Restores the rows of the table `names[0]` into the new table `names[1]`. Writes to `url`.

        Returns the receipt and the number of rows. Raises UsageError or BackupError. An error changes nothing.
        """
        table, new = map(TableName.parse, names)
        with termination_as_interrupt(), self.proved.saved(receipt_at, tell) as saved:
            target = Address(url, label="the database to restore into")
            return saved.receipt, restore_table(TableRestore(saved, table, new, target, tell), local_proof)

    def fetch_export(self, receipt_at: str, folder: Path, tell: Listener) -> Receipt:
        """Decrypts the exported files of a backup, and writes them to a new folder. Raises UsageError, BackupError."""
        with termination_as_interrupt(), self.proved.saved(receipt_at, tell, EXPORT) as saved:
            return save_export(saved, folder)

    def drill(self, environment: Environment, tell: Listener) -> Drill:
        """Restores the newest backup on a throw-away server. Stores the result beside the backup. Writes to the store.

        Raises BackupError if the environment has no backup, or if the restored data differ from the receipt. With
        `by: command`, the command restores its newest backup, and the result is not stored.
        """
        if environment.backup and environment.backup.command:
            with termination_as_interrupt(), _exit_7():
                return drill_by_command(self.proved.drill_job(environment), tell)
        store = self._store(environment)
        with termination_as_interrupt(), _exit_7():
            ids = [each.id for each in stored_backups(store, environment.name)]
            if not ids:
                what = f"{environment.name} has no backup in {stored_policy(environment).to}"
                raise BackupError(what, state=NOT_RESTORABLE, hint=f"`ctgitops backup --env {environment.name}`")
            drill = Drill(ids[-1], datetime.now(UTC), 0, 0, "")
            try:
                done = self._drill(environment, drill, tell)
            except (CtgitopsError, OSError) as error:
                self._keep(store, replace(drill, failed=str(error)), tell)
                raise
            self._keep(store, done, tell)
            return done

    def _drill(self, environment: Environment, drill: Drill, tell: Listener) -> Drill:
        policy = stored_policy(environment)
        store = self._store(environment)
        receipt = _own_receipt(store, drill.backup)
        tell(BackupAdvanced(f"fetching {receipt.id}, taken at {receipt.started_at:%Y-%m-%d %H:%M:%S} UTC"))
        began = monotonic()
        with self.proved.fetched(policy, receipt, tell) as saved:
            fetched = monotonic()
            place = restore_beside(DrillJob(saved, partial(self.proved.proof, policy), tell))
        if receipt.scope != "database":
            place += f"; a PARTIAL backup, with the rows of only {many(len(receipt.rows), 'table')}"
        return replace(drill, download_seconds=fetched - began, restore_seconds=monotonic() - fetched, place=place)

    def _keep(self, store: BackupStore, drill: Drill, tell: Listener) -> None:
        """Stores the result beside the backup. If the permission is missing, only reports this."""
        try:
            store.add_note(drill.backup, f"drill-{drill.began_at:%Y%m%dT%H%M%SZ}.json", drill.to_json())
        except (BackupError, OSError) as error:
            tell(BackupAdvanced(f"the result of the drill is not stored: {error}"))

    def _store(self, environment: Environment) -> BackupStore:
        return self.proved.store_of(stored_policy(environment))


def _own_receipt(store: BackupStore, backup: str, name: str = "receipt.json") -> Receipt:
    receipt = read_receipt(store, backup, name)
    if receipt.id != backup:
        what = f"{store.location(backup)} has the receipt of another backup, {receipt.id}"
        raise BackupError(what, state=UNCHANGED, hint="use another backup: `ctgitops backup list`")
    if environment_of(backup) not in {"", receipt.environment}:
        what = f"{store.location(backup)} has the receipt of a backup of {receipt.environment}"
        raise BackupError(what, state=UNCHANGED, hint="take a new backup, and find out who wrote there")
    return receipt


@contextmanager
def _exit_7() -> Iterator[None]:
    """Converts each error into a BackupError, because any error means that there is no verified backup."""
    try:
        yield
    except CtgitopsError as error:
        if isinstance(error, BackupError) and error.state:
            raise
        state = error.state or UNCHANGED
        raise BackupError(error.what, place=error.place, state=state, hint=error.hint) from None
    except OSError as error:
        what = f"cannot read or write a file: {error.strerror} ({error.filename})"
        hint = "free disk space or correct the file permissions, then run the command again"
        raise BackupError(what, state=UNCHANGED, hint=hint) from None
