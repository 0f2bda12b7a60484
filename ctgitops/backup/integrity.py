"""Compares the stored files of a finished backup with its receipt. Needs no keys, and restores nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ..core.receipt import Receipt, SavedFile
from ..core.run.progress import Listener
from ..errors import BackupError
from ..ports.backup_store import BackupStore
from .meter import ByteCounter, bytes_measured
from .objects import NotAllowedError
from .store import checksum, unlike_receipt

THREADS = 4
UNCHANGED = "nothing was restored or changed"


def check_integrity(store: BackupStore, receipt: Receipt, tell: Listener) -> tuple[str, ...]:
    """Reads every file of a backup. Compares its size and SHA-256 with the receipt. Read-only.

    Returns what could not be checked. Raises BackupError if a file was changed, cut short, removed or added.
    """
    expected = receipt.stored or receipt.saved_files
    unchecked, wrong = _added(store, receipt.id, set(expected))
    counter = ByteCounter()
    total = sum(file.bytes for file in expected.values())
    check = partial(_wrong, store, receipt.id, counter)
    with (
        bytes_measured("reading", "read", total, tell, counter),
        ThreadPoolExecutor(THREADS, thread_name_prefix="integrity") as pool,
    ):
        wrong += filter(None, pool.map(check, sorted(expected.items())))
    if wrong:
        raise unlike_receipt(store.location(receipt.id), wrong, UNCHANGED)
    return unchecked


def _added(store: BackupStore, backup: str, expected: set[str]) -> tuple[tuple[str, ...], list[str]]:
    """What could not be checked, and which files are not in the receipt."""
    try:
        return (), [f"{name} is not in the receipt" for name in store.names(backup) if name not in expected]
    except NotAllowedError as error:
        return (f"whether there are other files: {error.what}",), []


def _wrong(store: BackupStore, backup: str, counter: ByteCounter, item: tuple[str, SavedFile]) -> str:
    """How a file differs from the receipt. Empty if it does not differ. Raises BackupError if it cannot be read."""
    name, expected = item
    try:
        found = checksum(store.content(backup, name), counter)
    except FileNotFoundError:
        return f"{name} is missing"
    except OSError as error:
        raise BackupError(
            f"cannot read {store.location(backup)}/{name}: {error.strerror}",
            state=UNCHANGED,
            hint="run the command again; if it fails again, restore another backup: `ctgitops backup list`",
        ) from None
    if found.bytes != expected.bytes:
        return f"{name} has a different size"
    return "" if found == expected else f"{name} has a different SHA-256"
