"""Takes backups, verifies them by a restore, stores them, and restores them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from ..core.environment.backup_extent import BackupExtent
from ..core.environment.environment import BackupMaker, BackupPolicy, Environment, StoreSettings
from ..core.receipt import Receipt
from ..core.run.progress import BackupAdvanced, Listener
from ..core.schema.snapshot import Snapshot
from ..errors import BackupError, CtgitopsError, UsageError
from ..ports.backup_store import BackupStore
from ..postgres.connection.connect import Address
from ..postgres.lock.backup_lock import backup_lock, is_running
from .child_process import termination_as_interrupt
from .encryption import Cipher, PrivateKey
from .limits import earlier_rates
from .objects import NotAllowedError
from .pg_dump import UNTOUCHED
from .proof import Contents, ProofDatabase, local_proof, on_server
from .provider import ProviderJob, take_by_provider
from .restore import Saved, restore_into, schema_of
from .store import StorePlace, read_receipt, split_receipt, store_at
from .take import BackupJob, take_into


@dataclass(frozen=True)
class ProvedBackups:
    """Backups in the store that the manifest's `backup.to` names. A folder's path is relative to `root`."""

    root: Path
    address_of: Callable[[Environment], Address]
    address_of_secret: Callable[[str], Address]
    store_at: Callable[[StorePlace], BackupStore] = store_at
    private_key: Callable[[], PrivateKey | None] = field(default=lambda: None, repr=False)
    """The private key that the user passed for the decryption; None without one."""
    settings_of: Callable[[str], StoreSettings] = field(default=lambda _address: StoreSettings())
    """The settings in the manifests for the store at an address."""

    def take(self, environment: Environment, tell: Listener, extent: BackupExtent | None = None) -> Receipt:
        """Dumps, counts rows, restores, compares, and then stores the receipt. Only reads the database.

        Raises BackupError; the store then contains no part of this backup.
        """
        policy = environment.backup
        if policy is None:
            raise UsageError(f"{environment.name} has no `backup` in its manifest", hint="set `backup.to`")
        extent = extent or BackupExtent.without_plan(policy.scope)
        with _no_backup(), termination_as_interrupt():
            source = self.address_of(environment)
            if policy.by is not BackupMaker.PG_DUMP:
                return take_by_provider(ProviderJob(environment, policy, source, extent, self.root, os.environ), tell)
            cipher = Cipher(policy.encrypt_to, self.private_key)
            if policy.from_store:
                cipher.refuse_unless_own()
            warn = _as_progress(tell)
            place = StorePlace(policy.to, self.root, policy.store, cipher, bool(policy.encrypt_to), warn)
            store = self.store_at(place)
            backup = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{environment.name}-{secrets.token_hex(4)}"
            with backup_lock(source, backup):
                remove_leftovers(store, environment.name, source, warn)
                rates = earlier_rates(policy, store, environment.name)
                with store.begin(backup) as draft:
                    at = store.location(backup)
                    taking = BackupJob(environment, policy, source, backup, at, draft, tell, cipher, rates, extent)
                    return take_into(taking, lambda source: self._proof(policy, source))

    def restore(self, receipt_at: str, url: str, tell: Listener) -> Receipt:
        """Restores a backup, named by its receipt's path or URL, into the empty database at `url`. Writes there.

        Raises UsageError before it writes, BackupError afterwards.
        """
        with termination_as_interrupt(), self._saved(receipt_at) as saved:
            return restore_into(saved, Address(url, label="the database to restore into"), tell)

    def schema(self, receipt_at: str, tell: Listener) -> Snapshot:
        """The schema of the backup whose receipt is at `receipt_at`. Raises BackupError, UsageError."""
        with self._saved(receipt_at) as saved:
            return schema_of(saved, tell)

    @contextmanager
    def _saved(self, receipt_at: str) -> Iterator[Saved]:
        address, backup, name = split_receipt(receipt_at)
        cipher = Cipher(private_key=self.private_key)
        place = StorePlace(address, self.root, self.settings_of(address), cipher)
        store = self.store_at(place)
        receipt = read_receipt(store, backup, name)
        cipher.refuse_unless_fits(receipt)
        if receipt.encrypted_to:
            store = self.store_at(replace(place, encrypted=True))
        with store.get(backup) as folder:
            yield Saved(receipt, folder, store.location(backup))

    def _proof(self, policy: BackupPolicy, source: Contents) -> AbstractContextManager[ProofDatabase]:
        if policy.verify_server:
            return on_server(self.address_of_secret(policy.verify_server), source)
        return local_proof(source)


def _as_progress(tell: Listener) -> Callable[[str], None]:
    return lambda words: tell(BackupAdvanced(words))


def remove_leftovers(store: BackupStore, environment: str, source: Address, say: Callable[[str], None]) -> None:
    """Removes files of interrupted backups of the environment from the store. Writes there.

    A running backup holds its lock in `source`, and is not removed. Errors of the store are only reported.
    """
    try:
        for backup in store.unfinished():
            # An ID ends with the environment's name, a hyphen and eight digits
            if backup[17:-9] == environment and not is_running(source, backup):
                store.delete(backup)
                say(f"removed {store.location(backup)}, the incomplete backup of an interrupted run")
    except NotAllowedError as error:
        say(f"cannot remove the incomplete backups of interrupted runs: {error.what}")


@contextmanager
def _no_backup() -> Iterator[None]:
    """Turns any error into a BackupError, whose state says that nothing was changed, because no backup was verified."""
    try:
        yield
    except CtgitopsError as error:
        if isinstance(error, BackupError) and error.state:
            raise
        raise BackupError(error.what, place=error.place, state=UNTOUCHED, hint=error.hint) from None
    except KeyboardInterrupt:
        raise BackupError("the run was interrupted during the backup", state=UNTOUCHED, hint="retry") from None
    except OSError as error:
        what = f"cannot write the backup: {error.strerror} ({error.filename})"
        raise BackupError(what, state=UNTOUCHED, hint="free space, or change `backup.to`") from None
