"""Opens the store at an address, and compares a backup's files with its receipt."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from ..core.receipt import Receipt, SavedFile
from ..errors import BackupError, UsageError
from ..ports.backup_store import RECEIPT, BackupStore
from .folder_store import FolderStore
from .pg_dump import UNTOUCHED, megabytes

DUMP = "dump"
ROLES = "roles.sql"
SMALLEST_DUMP = 50
"""A dump is refused if the disk has no room for a fiftieth of the database's size: no dump was ever smaller."""
SMALLEST_COPY = 5
"""A restore is refused if the disk has no room for a fifth of the database's size: it saves only bloat."""


def store_at(address: str, root: Path) -> BackupStore:
    """The store at `address`: a folder, relative to `root`, or a URL. Raises UsageError for an unsupported scheme."""
    if "://" in address:
        raise UsageError(f"backups in {address} are not supported", hint="use a folder on this machine")
    return FolderStore(root / Path(address).expanduser())


def split_receipt(receipt: str) -> tuple[str, str, str]:
    """Splits the path or URL of a receipt into the store's address, the backup's ID and the file's name."""
    if "://" in receipt:
        address, backup, name = receipt.rsplit("/", 2)
        return address, backup, name
    path = Path(receipt).resolve()
    return str(path.parent.parent), path.parent.name, path.name


def refuse_if_full(place: Path, bytes_of_database: int, part: int) -> None:
    """Raises BackupError if the disk of `place` has less than 1/`part` of `bytes_of_database` free."""
    free = shutil.disk_usage(place).free
    needed = bytes_of_database // part
    if free < needed:
        what = (
            f"the disk of {place} has {megabytes(free)} free; "
            f"a database of {megabytes(bytes_of_database)} needs at least {megabytes(needed)}"
        )
        raise BackupError(what, state=UNTOUCHED, hint="free space on that disk, or set `backup.to` to another folder")


def checksums(dump: Path) -> dict[str, SavedFile]:
    """Size and SHA-256 of each file in `dump`. Read-only."""
    return {
        str(path.relative_to(dump)): SavedFile(path.stat().st_size, _sha256(path))
        for path in sorted(dump.rglob("*"))
        if path.is_file()
    }


def read_receipt(file: Path, location: str) -> Receipt:
    """Reads a receipt. `location` names the backup in messages. Raises UsageError if the file is not a receipt."""
    hint = f"pass the {RECEIPT} of a backup"
    try:
        return Receipt.from_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {location}/{file.name}: {error.strerror}", hint=hint) from None
    except ValueError as error:
        raise UsageError(f"{location}/{file.name} is not a receipt: {error}", hint=hint) from None


def refuse_if_changed(receipt: Receipt, dump: Path, location: str) -> None:
    """Raises BackupError if a file of the dump differs from the receipt. Read-only."""
    found = {str(path.relative_to(dump)) for path in dump.rglob("*") if not path.is_dir()} if dump.is_dir() else set()
    wrong = [f"{name} is missing" for name in sorted(set(receipt.files) - found)]
    wrong += [f"{name} is not in the receipt" for name in sorted(found - set(receipt.files))]
    for name in sorted(found & set(receipt.files)):
        saved = receipt.files[name]
        if (dump / name).is_symlink() or (dump / name).stat().st_size != saved.bytes:
            wrong.append(f"{name} has another size")
        elif _sha256(dump / name) != saved.sha256:
            wrong.append(f"{name} has another SHA-256")
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        what = f"the backup in {location} does not match its receipt: {', '.join(wrong[:3])}{more}"
        raise BackupError(what, state="nothing was restored", hint="restore another backup")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
