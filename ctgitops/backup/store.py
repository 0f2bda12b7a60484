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
"""A dump never came out below a fiftieth of the database; what cannot even hold that is not worth beginning."""
SMALLEST_COPY = 5
"""Restored, it lost at most its bloat and dead rows: less than a fifth of the size is clearly too little."""


@dataclass(frozen=True)
class BackupFolder:
    """Where one backup grows, and where it is once it is whole."""

    id: str
    final: Path
    place: Path
    """The folder that was there before anything was made."""

    @property
    def partial(self) -> Path:
        """Where it grows."""
        return self.final.with_name(self.final.name + PARTIAL)

    @property
    def dump(self) -> Path:
        """What pg_dump writes."""
        return self.partial / DUMP

    def finish(self, receipt: Receipt) -> None:
        """Writes the receipt, and only then gives the folder its name. Writes."""
        file = self.partial / RECEIPT
        file.write_text(receipt.to_json(), encoding="utf-8")
        file.chmod(0o600)
        _sync(file)
        _sync(self.partial)
        self._give_away()
        self.partial.rename(self.final)
        _sync(self.final.parent)

    def _give_away(self) -> None:
        """In a container that runs as root, what is made belongs to whoever owns the folder that it is made in."""
        if os.geteuid() == 0:
            owner = self.place.stat()
            made = [p for p in self.final.parents if p != self.place and self.place in p.parents]
            for path in (*made, self.partial, *self.partial.rglob("*")):
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


@contextmanager
def new_folder(root: Path, environment: str, now: datetime) -> Iterator[BackupFolder]:
    """A folder for a new backup; whatever goes wrong in the block, nothing half done stays. Writes."""
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
    """The folder that `backup.to` means. Raises UsageError for what is no folder of this machine."""
    if "://" in to:
        raise UsageError(f"backups cannot go to {to}", hint="name a folder of this machine in `backup.to`")
    return root / Path(to).expanduser()


def refuse_if_full(place: Path, bytes_of_database: int, part: int) -> None:
    """Raises BackupError where a folder's disk cannot hold even the smallest `part` of the database."""
    free = shutil.disk_usage(place).free
    needed = bytes_of_database // part
    if free < needed:
        what = (
            f"the disk of {place} has {megabytes(free)} free; "
            f"a database of {megabytes(bytes_of_database)} needs at the very least {megabytes(needed)} there"
        )
        raise BackupError(what, state=UNTOUCHED, hint="free space there, or name another folder")


def sealed(dump: Path) -> dict[str, SavedFile]:
    """Size and SHA-256 of each file, after it reached the disk and nobody else can read it. Writes."""
    files = {}
    for path in sorted(dump.rglob("*")):
        if path.is_file():
            path.chmod(0o600)
            _sync(path)
            files[str(path.relative_to(dump))] = SavedFile(path.stat().st_size, _sha256(path))
    _sync(dump)
    return files


def refuse_if_changed(receipt: Receipt, dump: Path) -> None:
    """Raises BackupError where a file of the dump is not what the receipt says. Read-only."""
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
    """The receipt in a file. Raises UsageError where there is none."""
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
