"""Stores backups in a local folder. Each backup is a subfolder, which gets its final name when it is on disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import BackupError
from ..ports.backup_store import RECEIPT, Draft, StoredCopy
from ..postgres.connection.uninterrupted_cleanup import uninterrupted_cleanup

PARTIAL = ".partial"
IN_PLACE = "the backup was restored from the files in the store"


@dataclass(frozen=True)
class FolderStore:
    """A folder as `ports.backup_store.BackupStore`. pg_dump writes directly into the store, so no file is copied."""

    root: Path

    def location(self, backup: str) -> str:
        """The path; relative below the current folder, because an absolute path in a container is not valid outside."""
        here, folder = Path.cwd(), (self.root / backup).resolve()
        return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)

    @contextmanager
    def begin(self, backup: str) -> Iterator[Draft]:
        """A new subfolder, which is removed at the end of the block unless the backup is finished. Writes."""
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

    @contextmanager
    def get(self, backup: str) -> Iterator[Path]:
        """The backup's subfolder itself, so that no file is copied."""
        yield self.root / backup

    def ids(self) -> tuple[str, ...]:
        """The IDs of backups: the names of the subfolders with a receipt."""
        folders = (receipt.parent.name for receipt in self.root.glob(f"*/{RECEIPT}"))
        return tuple(sorted(name for name in folders if not name.endswith(PARTIAL)))

    def unfinished(self) -> tuple[str, ...]:
        """The IDs of incomplete backups, whose subfolders have not been renamed to their ID."""
        return tuple(sorted(path.name.removesuffix(PARTIAL) for path in self.root.glob(f"*{PARTIAL}")))

    def delete(self, backup: str) -> None:
        """Removes the receipt, then the subfolder. Writes."""
        folder = self.root / backup
        (folder / RECEIPT).unlink(missing_ok=True)
        for each in (folder, self.root / f"{backup}{PARTIAL}"):
            if each.exists():
                shutil.rmtree(each)


def make_durable(folder: Path) -> None:
    """Makes every file readable only by its owner, and flushes the files and then their folders to disk."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            path.chmod(0o600)
        _sync(path)
    _sync(folder)


def give_away(folder: Path, existing: Path) -> None:
    """If this process is root, as in a container, gives new files and folders to the owner of `existing`."""
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
