"""The folder of backups: one subfolder each, which appears only when complete and is readable only by its owner."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..core.receipt import Receipt, SavedFile
from ..errors import BackupError, UsageError
from ..postgres.connection.deferred_sigint import undisturbed
from .pg_dump import UNTOUCHED, megabytes

DUMP = "dump"
RECEIPT = "receipt.json"
ROLES = "roles.sql"
PARTIAL = ".partial"
SMALLEST_DUMP = 50
"""A dump was never smaller than a fiftieth of the database; a disk without room for that is refused."""
SMALLEST_COPY = 5
"""A restore loses at most bloat and dead rows: less than a fifth of the size is clearly too little."""


@dataclass(frozen=True)
class BackupFolder:
    """The folder of one backup, while it is written and when it is complete."""

    id: str
    final: Path
    place: Path
    """The folder that existed before the backup created any."""

    @property
    def partial(self) -> Path:
        """The folder while the backup is written."""
        return self.final.with_name(self.final.name + PARTIAL)

    @property
    def dump(self) -> Path:
        """The folder that pg_dump writes."""
        return self.partial / DUMP

    def finish(self, receipt: Receipt) -> None:
        """Writes the receipt, and only then renames the folder to its final name. Writes."""
        file = self.partial / RECEIPT
        file.write_text(receipt.to_json(), encoding="utf-8")
        file.chmod(0o600)
        _sync(file)
        _sync(self.partial)
        self._give_away()
        self.partial.rename(self.final)
        _sync(self.final.parent)

    def _give_away(self) -> None:
        """In a container that runs as root, gives new files to the owner of the existing folder."""
        if os.geteuid() == 0:
            owner = self.place.stat()
            made = [p for p in self.final.parents if p != self.place and self.place in p.parents]
            for path in (*made, self.partial, *self.partial.rglob("*")):
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


@contextmanager
def new_folder(root: Path, environment: str, now: datetime) -> Iterator[BackupFolder]:
    """A folder for a new backup; an error in the block removes everything written. Writes."""
    name = f"{now:%Y%m%dT%H%M%SZ}-{environment}-{secrets.token_hex(4)}"
    place = next(path for path in (root, *root.parents) if path.exists())
    folder = BackupFolder(name, root / name, place)
    try:
        folder.final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.partial.mkdir(mode=0o700)
    except OSError as error:
        hint = "make the folder, or correct `backup.to` in the manifest"
        what = f"cannot write to {root}: {error.strerror}"
        raise BackupError(what, state=UNTOUCHED, hint=hint) from None
    try:
        yield folder
    finally:
        with undisturbed():
            shutil.rmtree(folder.partial, ignore_errors=True)


def local_folder(root: Path, to: str) -> Path:
    """The local folder that `backup.to` names. Raises UsageError if it is not a folder of this machine."""
    if "://" in to:
        raise UsageError(f"backups cannot go to {to}", hint="name a folder of this machine in `backup.to`")
    return root / Path(to).expanduser()


def refuse_if_full(place: Path, bytes_of_database: int, part: int) -> None:
    """Raises BackupError if a folder's disk has no room for the smallest `part` of the database."""
    free = shutil.disk_usage(place).free
    needed = bytes_of_database // part
    if free < needed:
        what = (
            f"the disk of {place} has {megabytes(free)} free; "
            f"a database of {megabytes(bytes_of_database)} needs at the very least {megabytes(needed)} there"
        )
        raise BackupError(what, state=UNTOUCHED, hint="free space there, or name another folder")


def sealed(dump: Path) -> dict[str, SavedFile]:
    """Size and SHA-256 of each file, once it is on disk and only its owner can read it. Writes."""
    files = {}
    for path in sorted(dump.rglob("*")):
        if path.is_file():
            path.chmod(0o600)
            _sync(path)
            files[str(path.relative_to(dump))] = SavedFile(path.stat().st_size, _sha256(path))
    _sync(dump)
    return files


def refuse_if_changed(receipt: Receipt, dump: Path) -> None:
    """Raises BackupError if a file of the dump differs from the receipt. Read-only."""
    there = {str(path.relative_to(dump)) for path in dump.rglob("*") if not path.is_dir()} if dump.is_dir() else set()
    wrong = [f"{name} is missing" for name in sorted(set(receipt.files) - there)]
    wrong += [f"{name} does not belong to it" for name in sorted(there - set(receipt.files))]
    for name in sorted(there & set(receipt.files)):
        saved = receipt.files[name]
        if (dump / name).is_symlink() or (dump / name).stat().st_size != saved.bytes:
            wrong.append(f"{name} has another size")
        elif _sha256(dump / name) != saved.sha256:
            wrong.append(f"{name} has another SHA-256")
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        what = f"the backup in {dump.parent} is not what its receipt says: {', '.join(wrong[:3])}{more}"
        raise BackupError(what, state="nothing was restored", hint="take another backup's receipt")


def read_receipt(path: Path) -> Receipt:
    """Reads a receipt from a file. Raises UsageError if the file is not a receipt."""
    try:
        return Receipt.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint=f"name a backup's {RECEIPT}") from None
    except ValueError as error:
        raise UsageError(f"{path} is not a receipt: {error}", hint=f"name a backup's {RECEIPT}") from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
