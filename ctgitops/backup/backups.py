"""Takes backups, verifies them by a restore, stores them, and restores them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ..core.environment.backup_extent import BackupExtent
from ..core.environment.environment import BackupPolicy, Environment, StoreSettings
from ..core.receipt import DUMP, Receipt
from ..core.run.backup_progress import BackupAdvanced
from ..core.run.progress import Listener
from ..core.schema.snapshot import Snapshot
from ..errors import BackupError, CtgitopsError, UsageError
from ..ports.backup_store import BackupStore
from ..postgres.connection.connect import Address
from ..postgres.lock.backup_lock import backup_lock
from .catalogue import INCOMPLETE, leftovers, remove
from .child_process import termination_as_interrupt
from .early_server import EarlyServer
from .encryption import Cipher, PrivateKey
from .limits import earlier_rates
from .meter import ByteCounter, bytes_measured
from .pg_dump import UNTOUCHED
from .proof import Contents, ProofDatabase, local_proof, on_server, on_started
from .provider import ProviderJob, take_by_provider
from .prune import PruneJob, prune_after_backup, what_was_refused
from .restore import Saved, restore_into, schema_of
from .store import StorePlace, read_receipt, split_receipt, store_at
from .take import BackupJob, take_into


@dataclass(frozen=True)
class ProvedBackups:
    """Backups in the store that the manifest's `backup.to` names. The path of a folder is relative to `root`."""

    root: Path
    address_of: Callable[[Environment], Address]
    address_of_secret: Callable[[str], Address]
    store_at: Callable[[StorePlace], BackupStore] = store_at
    private_key: Callable[[], PrivateKey | None] = field(default=lambda: None, repr=False)
    """Returns the private key for decryption, or None if the user passed no key."""
    settings_of: Callable[[str], StoreSettings] = field(default=lambda _address: StoreSettings())
    """Returns the settings for the store at an address, from the manifests."""
    environments: Callable[[], tuple[Environment, ...]] = field(default=tuple)
    """Returns the environments that the manifests define."""

    def take(self, environment: Environment, tell: Listener, extent: BackupExtent | None = None) -> Receipt:
        """Dumps, counts rows, restores, compares, and stores the receipt. Only reads the database.

        Raises BackupError after an error. The store then contains no part of this backup.
        """
        policy = backup_policy(environment)
        extent = extent or BackupExtent.without_plan(policy.scope)
        with _no_backup(), termination_as_interrupt():
            source = self.address_of(environment)
            if policy.provider:
                return take_by_provider(ProviderJob(environment, policy, source, extent, self.root, os.environ), tell)
            cipher = Cipher(policy.encrypt_to, self.private_key)
            if policy.from_store:
                cipher.refuse_unless_own()
            warn = as_progress(tell)
            stored = ByteCounter()
            place = StorePlace(policy.to, self.root, policy.store, cipher, bool(policy.encrypt_to), warn, stored)
            store = self.store_at(place)
            backup = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{environment.name}-{secrets.token_hex(4)}"
            with backup_lock(source, backup):
                remove_leftovers(self.store_of(policy), environment.name, source, warn)
                rates = earlier_rates(policy, self.store_of(policy), environment.name)
                with store.begin(backup) as draft, EarlyServer(wanted=not policy.verify_server) as early:
                    at = store.location(backup)
                    taking = BackupJob(
                        environment, policy, source, backup, at, draft, tell, early, cipher, stored, rates, extent
                    )
                    receipt = take_into(taking, lambda source: self.proof(policy, source, early))
        if policy.keep:
            with termination_as_interrupt():
                job = PruneJob(environment, policy.keep, source, self.store_of(policy), warn)
                prune_after_backup(replace(job, others=partial(self.sharing, environment)))
        return receipt

    def sharing(self, environment: Environment) -> dict[str, Address]:
        """Maps the other environments that store backups at the same place to their databases. Raises UsageError.

        The ledger of a restored database can refer to backups of another environment.
        """
        here = self._place(environment)
        try:
            return {
                each.name: self.address_of(each)
                for each in self.environments()
                if each.name != environment.name and self._place(each) == here
            }
        except CtgitopsError as error:
            what = f"another environment has the same `backup.to`, and its ledger cannot be read: {error.what}"
            raise UsageError(what, hint="give each environment its own `backup.to`, or set the variable") from None

    def drill_job(self, environment: Environment) -> ProviderJob:
        """The task of a command to restore its newest backup. The URL of the database may be missing."""
        policy = backup_policy(environment)
        try:
            source = self.address_of(environment)
        except UsageError:
            source = Address("", label=environment.name)
        return ProviderJob(environment, policy, source, BackupExtent(), self.root, os.environ)

    def _place(self, environment: Environment) -> str:
        to = environment.backup.to if environment.backup and not environment.backup.provider else ""
        return to.rstrip("/") if "://" in to or not to else str((self.root / Path(to).expanduser()).resolve())

    def store_of(self, policy: BackupPolicy) -> BackupStore:
        """The store of an environment's backups, for listing, comparing and removing them without decryption."""
        return self.store_at(StorePlace(policy.to, self.root, policy.store))

    def restore(self, receipt_at: str, url: str, tell: Listener) -> Receipt:
        """Restores a backup into the empty database at `url`. Writes there.

        `receipt_at` is the path or URL of the receipt. Raises UsageError before it writes, and BackupError after it has
        begun to write.
        """
        with termination_as_interrupt(), self.saved(receipt_at, tell) as saved:
            return restore_into(saved, Address(url, label="the database to restore into"), tell)

    def schema(self, receipt_at: str, tell: Listener) -> Snapshot:
        """The schema of the backup whose receipt is at `receipt_at`. Raises BackupError, UsageError."""
        with self.saved(receipt_at, tell) as saved:
            return schema_of(saved, tell)

    @contextmanager
    def saved(self, receipt_at: str, tell: Listener, below: str = DUMP) -> Iterator[Saved]:
        """A backup with its dump decrypted in a local folder. Read-only.

        `receipt_at` is the path or URL of the receipt. Raises UsageError before the download if there is no receipt, or
        if no private key fits.
        """
        address, backup, name = split_receipt(receipt_at)
        place = StorePlace(address, self.root, self.settings_of(address))
        receipt = read_receipt(self.store_at(place), backup, name)
        with self._fetched(place, backup, receipt, tell, below) as saved:
            yield saved

    def fetched(self, policy: BackupPolicy, receipt: Receipt, tell: Listener) -> AbstractContextManager[Saved]:
        """A backup whose receipt is in an environment's store, with its files decrypted in a local folder."""
        return self._fetched(StorePlace(policy.to, self.root, policy.store), receipt.id, receipt, tell)

    @contextmanager
    def _fetched(
        self, place: StorePlace, backup: str, receipt: Receipt, tell: Listener, below: str = ""
    ) -> Iterator[Saved]:
        cipher = Cipher(private_key=self.private_key)
        cipher.refuse_unless_fits(receipt)
        counter = ByteCounter()
        place = replace(place, cipher=cipher, encrypted=bool(receipt.encrypted_to), moved=counter)
        store = self.store_at(place)
        total = sum(each.bytes for name, each in receipt.stored.items() if not below or name.startswith(f"{below}/"))
        with ExitStack() as stack:
            with bytes_measured("downloading", "downloaded", total, tell, counter) if total else nullcontext():
                folder = stack.enter_context(store.get(backup, below))
            yield Saved(receipt, folder, store.location(backup))

    def proof(
        self, policy: BackupPolicy, source: Contents, early: EarlyServer | None = None
    ) -> AbstractContextManager[ProofDatabase]:
        """An empty database for a restore, on the server that the policy names, or on `early` if it was begun."""
        if policy.verify_server:
            return on_server(self.address_of_secret(policy.verify_server), source)
        return nullcontext(on_started(early.started(), source)) if early else local_proof(source)


def backup_policy(environment: Environment) -> BackupPolicy:
    """The `backup` of an environment. Raises UsageError if its manifest has none."""
    if environment.backup is None:
        hint = "add `backup: {to: FOLDER}` to its manifest"
        raise UsageError(f"{environment.name} has no `backup` in {environment.path or 'its manifest'}", hint=hint)
    return environment.backup


def stored_policy(environment: Environment) -> BackupPolicy:
    """The `backup` of an environment whose backups ctgitops stores. Raises UsageError."""
    policy = backup_policy(environment)
    if policy.provider:
        what = f"ctgitops does not store the backups of {environment.name}: {policy.provider} takes and keeps them"
        hint = 'use the provider\'s own programs, as docs/providers.md describes under "Drills"'
        raise UsageError(what, hint=hint)
    return policy


def as_progress(tell: Listener) -> Callable[[str], None]:
    """Returns a function that reports a text as progress."""
    return lambda words: tell(BackupAdvanced(words))


def remove_leftovers(store: BackupStore, environment: str, source: Address, say: Callable[[str], None]) -> None:
    """Removes files of interrupted backups of the environment from the store. Writes there.

    Keeps a running backup, which holds its lock in `source`. If the store refuses a removal, only reports this.
    """
    try:
        remove(store, leftovers(store, environment, source), say, INCOMPLETE)
    except (BackupError, OSError) as error:
        if (refused := what_was_refused(error)) is None:
            raise
        say(f"cannot remove the incomplete backups of interrupted runs: {refused}")


@contextmanager
def _no_backup() -> Iterator[None]:
    """Converts any error into a BackupError, which says that nothing was changed without a verified backup."""
    try:
        yield
    except CtgitopsError as error:
        if isinstance(error, BackupError) and error.state:
            raise
        raise BackupError(error.what, place=error.place, state=UNTOUCHED, hint=error.hint) from None
    except KeyboardInterrupt:
        raise BackupError("the run was interrupted during the backup", state=UNTOUCHED, hint="retry") from None
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        what = f"cannot write the backup: {error.strerror or error}{where}"
        raise BackupError(what, state=UNTOUCHED, hint="free space, or change `backup.to`") from None
