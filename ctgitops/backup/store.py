"""Opens the store at an address, and compares a backup's files with its receipt."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..core.backup.stored_backup import environment_of
from ..core.environment.environment import StoreSettings
from ..core.receipt import Receipt, SavedFile
from ..errors import BackupError, UsageError
from ..ports.backup_store import RECEIPT, BackupStore
from .encryption import Cipher
from .folder_store import FolderStore, pieces
from .object_store import ObjectStore
from .objects import FolderObjects
from .pg_dump import UNTOUCHED, megabytes

SCHEMES = ("s3", "gs", "az")
ROLES = "roles.sql"
SMALLEST_DUMP = 50
"""The divisor for a dump: 1/50 of the database's size must be free on the disk. No known dump was smaller."""
SMALLEST_COPY = 5
"""The divisor for a restore: 1/5 of the database's size must be free. Only bloat makes a copy smaller."""


def _ignore(_bytes: int) -> None:
    return


@dataclass(frozen=True)
class StorePlace:
    """The address of a store of backups, and its settings."""

    address: str
    """A folder, or the URL of a bucket."""
    root: Path
    """The folder to which relative paths refer."""
    settings: StoreSettings = field(default_factory=StoreSettings)
    cipher: Cipher = field(default_factory=Cipher)
    encrypted: bool = False
    """Whether the backups in a folder are encrypted. In a bucket, the names of the objects show this."""
    warn: Callable[[str], None] = field(default=lambda _words: None)
    moved: Callable[[int], None] = field(default=lambda _bytes: None)
    """Called for each piece that is stored or downloaded, with the number of its bytes."""


def store_at(place: StorePlace) -> BackupStore:
    """The store at an address: a folder or a bucket. Raises UsageError for an unsupported scheme."""
    scheme, slashes, _ = place.address.partition("://")
    if slashes:
        if scheme not in SCHEMES:
            what = f"backups in {scheme}:// are not supported"
            raise UsageError(what, hint=f"use a folder, or {', '.join(f'{each}://' for each in SCHEMES)}")
        from .bucket import bucket_at

        bucket = bucket_at(place.address, place.settings, place.root)
        return ObjectStore(bucket, place.address, place.cipher, place.warn, place.moved)
    folder = FolderStore(place.root / Path(place.address).expanduser())
    if place.encrypted:
        return ObjectStore(FolderObjects(folder.root), folder.location(""), place.cipher, place.warn, place.moved)
    return folder


def split_receipt(receipt: str) -> tuple[str, str, str]:
    """Splits the path or URL of a backup or its receipt into the store's address, the ID and the file's name."""
    if "://" in receipt:
        address, backup, name = receipt.rstrip("/").rsplit("/", 2)
        return (f"{address}/{backup}", name, RECEIPT) if environment_of(name) else (address, backup, name)
    path = Path(receipt).resolve()
    if environment_of(path.name) or path.is_dir():
        path /= RECEIPT
    return str(path.parent.parent), path.parent.name, path.name


def refuse_if_full(place: Path, bytes_of_database: int, part: int) -> None:
    """Raises BackupError if less than 1/`part` of `bytes_of_database` is free on the disk of `place`."""
    free = shutil.disk_usage(place).free
    needed = bytes_of_database // part
    if free < needed:
        what = (
            f"the disk of {place} has {megabytes(free)} free; "
            f"a database of {megabytes(bytes_of_database)} needs at least {megabytes(needed)}"
        )
        raise BackupError(what, state=UNTOUCHED, hint="free space on that disk, or set `backup.to` to another folder")


def checksums(dump: Path, count: Callable[[int], None] = _ignore) -> dict[str, SavedFile]:
    """Maps each file in `dump` to its size and SHA-256. Read-only."""
    return {
        str(path.relative_to(dump)): checksum(pieces(path), count) for path in sorted(dump.rglob("*")) if path.is_file()
    }


def below(folder: str, files: Mapping[str, SavedFile]) -> dict[str, SavedFile]:
    """Maps paths relative to a folder to the files in this folder."""
    return {name.removeprefix(f"{folder}/"): file for name, file in files.items() if name.startswith(f"{folder}/")}


def read_receipt(store: BackupStore, backup: str, name: str = RECEIPT) -> Receipt:
    """Reads a backup's receipt. `name` is the file name that the user gave. Raises UsageError without a receipt."""
    at = f"{store.location(backup)}/{name}"
    hint = f"pass the {RECEIPT} of a backup"
    try:
        text = store.receipt(backup) if name == RECEIPT else None
        if text is None:
            raise UsageError(f"cannot read {at}: there is no receipt", hint=hint)
        return Receipt.from_json(text)
    except OSError as error:
        raise UsageError(f"cannot read {at}: {error.strerror}", hint=hint) from None
    except ValueError as error:
        raise UsageError(f"{at} is not a receipt: {error}", hint=hint) from None


def refuse_if_changed(
    files: Mapping[str, SavedFile], folder: Path, location: str, count: Callable[[int], None] = _ignore
) -> None:
    """Raises BackupError if a file in the folder differs from `files`, which are from the receipt. Read-only."""
    found = (
        {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()} if folder.is_dir() else set()
    )
    wrong = [f"{name} is missing" for name in sorted(set(files) - found)]
    wrong += [f"{name} is not in the receipt" for name in sorted(found - set(files))]
    for name in sorted(found & set(files)):
        saved = files[name]
        if (folder / name).is_symlink() or (folder / name).stat().st_size != saved.bytes:
            wrong.append(f"{name} has a different size")
        elif checksum(pieces(folder / name), count) != saved:
            wrong.append(f"{name} has a different SHA-256")
    if wrong:
        raise unlike_receipt(location, wrong, "nothing was restored")


def unlike_receipt(location: str, wrong: list[str], state: str) -> BackupError:
    """The error for a backup whose files differ from its receipt."""
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    what = f"the backup in {location} does not match its receipt: {', '.join(wrong[:3])}{more}"
    return BackupError(what, state=state, hint="restore another backup: `ctgitops backup list`")


def checksum(content: Iterable[bytes], count: Callable[[int], None] = _ignore) -> SavedFile:
    """The size and SHA-256 of all pieces of `content`. Calls `count` with the size of each piece."""
    found, size = hashlib.sha256(), 0
    for piece in content:
        found.update(piece)
        size += len(piece)
        count(len(piece))
    return SavedFile(size, found.hexdigest())
