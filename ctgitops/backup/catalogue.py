"""Reads a store: finished backups with their restore drills, and leftovers of interrupted runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

from ..core.backup.drill import Drill
from ..core.backup.stored_backup import StoredBackup, environment_of
from ..errors import UsageError
from ..ports.backup_store import BackupStore
from ..postgres.connection.connect import Address
from ..postgres.lock.backup_lock import is_running
from .store import read_receipt
from .store_calls import in_threads

THREADS = 8
INCOMPLETE = "the incomplete backup of an interrupted run"


def stored_backups(store: BackupStore, environment: str) -> tuple[StoredBackup, ...]:
    """Backups with the environment's name in the ID, oldest first. Raises BackupError if the store is unreadable."""
    ids = [backup for backup in store.ids() if environment_of(backup) == environment]
    found = in_threads(partial(stored_backup, store), ids, THREADS)
    # An ID has the time in whole seconds. A backup without a readable receipt has no other time.
    return tuple(sorted(found, key=lambda each: (each.second, each.taken_at, each.id)))


def stored_backup(store: BackupStore, backup: str) -> StoredBackup:
    """The backup with this ID. Sets `unreadable` if its receipt is unreadable or belongs to another backup."""
    at = store.location(backup)
    try:
        receipt = read_receipt(store, backup)
        if receipt.id != backup:
            return StoredBackup(backup, at, unreadable=f"it is the receipt of {receipt.id}")
        return StoredBackup.of(receipt, at, tuple(_drills(store, backup)))
    except UsageError as error:
        return StoredBackup(backup, at, unreadable=error.what)
    except (TypeError, AttributeError) as error:  # a receipt whose values have other types
        return StoredBackup(backup, at, unreadable=f"it is not a receipt: {error}")


def _drills(store: BackupStore, backup: str) -> Iterator[Drill]:
    for text in store.notes(backup):
        with suppress(ValueError):
            yield Drill.from_json(text)


def leftovers(store: BackupStore, environment: str, source: Address) -> tuple[str, ...]:
    """The IDs of the environment's backups that have no receipt, and whose run has ended.

    A running backup holds its lock in `source`. Raises BackupError if the store cannot be read.
    """
    found = [backup for backup in store.unfinished() if environment_of(backup) == environment]
    return tuple(backup for backup in found if not is_running(source, backup))


def remove(store: BackupStore, backups: tuple[str, ...], say: Callable[[str], None], why: str) -> None:
    """Removes backups, oldest first. Writes. Raises NotAllowedError, BackupError or OSError at the first failure."""
    for backup in sorted(backups):
        store.delete(backup)
        say(f"removed {store.location(backup)}, {why}")
