"""Stores backups in a local folder, each in a subfolder. A subfolder gets its final name when it is on disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..core.backup.stored_backup import BACKUP_ID
from ..errors import BackupError
from ..ports.backup_store import NOTES, RECEIPT, Draft, StoredCopy
from ..postgres.connection.uninterrupted_cleanup import uninterrupted_cleanup

PARTIAL = ".partial"
CHUNK = 1 << 20
IN_PLACE = "the backup was restored from the files in the store"


@dataclass(frozen=True)
class FolderStore:
    """A folder that implements `ports.backup_store.BackupStore`. pg_dump writes directly into the store."""

    root: Path

    def location(self, backup: str) -> str:
        """The path of a backup, relative to the current folder if the backup is below it.

        A container's absolute paths are not valid outside the container.
        """
        here, folder = Path.cwd(), (self.root / backup).resolve()
        return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)

    @contextmanager
    def begin(self, backup: str) -> Iterator[Draft]:
        """A new subfolder. Removes it at the end of the block unless the backup is finished. Writes."""
        existing = next(path for path in (self.root, *self.root.parents) if path.exists())
        final, partial = self.root / backup, self.root / f"{backup}{PARTIAL}"
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial.mkdir(mode=0o700)
        except OSError as error:
            hint = "create the folder, or correct `backup.to` in the manifest"
            raise BackupError(f"cannot write to {self.root}: {error.strerror}", hint=hint) from None

        def finish(receipt: str) -> None:
            (partial / RECEIPT).write_text(receipt, encoding="utf-8")
            make_durable(partial)
            give_away(partial, existing)
            partial.rename(final)
            _sync(self.root)

        try:
            # pg_dump writes into the store, so the restore that proves the dump reads what is stored
            yield Draft(partial, lambda _files: StoredCopy(proof=IN_PLACE), lambda: None, finish)
        finally:
            with uninterrupted_cleanup():
                shutil.rmtree(partial, ignore_errors=True)

    def receipt(self, backup: str) -> str | None:
        """The text of `receipt.json` in the subfolder."""
        try:
            return (self.root / backup / RECEIPT).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def names(self, backup: str) -> tuple[str, ...]:
        """The files of the subfolder."""
        folder = self.root / backup
        found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
        return tuple(sorted(str(path) for path in found if str(path) != RECEIPT and path.parts[0] != NOTES))

    def content(self, backup: str, name: str) -> Iterator[bytes]:
        """A file of the subfolder."""
        return pieces(self.root / backup / name)

    def notes(self, backup: str) -> tuple[str, ...]:
        """The files in the folder `notes` of the subfolder."""
        return tuple(path.read_text(encoding="utf-8") for path in sorted((self.root / backup / NOTES).glob("*")))

    def add_note(self, backup: str, name: str, text: str) -> None:
        """Adds a new file to the folder `notes` of the subfolder. Writes."""
        folder = self.root / backup / NOTES
        folder.mkdir(mode=0o700, exist_ok=True)
        with (folder / name).open("x", encoding="utf-8") as file:
            file.write(text)
        make_durable(folder)
        give_away(folder, self.root / backup)

    @contextmanager
    def get(self, backup: str, below: str = "") -> Iterator[Path]:  # noqa: ARG002 - all files are there
        """The backup's subfolder itself, without copying any file."""
        yield self.root / backup

    def ids(self) -> tuple[str, ...]:
        """The IDs of backups, which are the names of subfolders with a receipt."""
        folders = (receipt.parent.name for receipt in self.root.glob(f"*/{RECEIPT}"))
        return tuple(sorted(name for name in folders if not name.endswith(PARTIAL)))

    def unfinished(self) -> tuple[str, ...]:
        """Subfolders that do not have their final name yet, or whose removal was interrupted."""
        partial = {path.name.removesuffix(PARTIAL) for path in self.root.glob(f"*{PARTIAL}")}
        named = {path.name for path in self.root.glob("*") if path.is_dir() and BACKUP_ID.fullmatch(path.name)}
        return tuple(sorted(partial | {name for name in named if not (self.root / name / RECEIPT).exists()}))

    def delete(self, backup: str) -> None:
        """Removes the receipt, then the subfolder. Writes."""
        folder = self.root / backup
        (folder / RECEIPT).unlink(missing_ok=True)
        for each in (folder, self.root / f"{backup}{PARTIAL}"):
            if each.exists():
                shutil.rmtree(each)


def pieces(path: Path) -> Iterator[bytes]:
    """The content of a file. Raises OSError, also for a symbolic link."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def make_durable(folder: Path) -> None:
    """Makes every file readable only by its owner. Flushes the files, then their folders, to disk."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            path.chmod(0o600)
        _sync(path)
    _sync(folder)


def give_away(folder: Path, existing: Path) -> None:
    """Gives new files and folders to the owner of `existing`. Only root does this, for example in a container."""
    if os.geteuid() == 0:
        owner = existing.stat()
        new = [path for path in folder.parents if path != existing and existing in path.parents]
        for path in (*new, folder, *folder.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
