"""Stores of named objects that are written only once: a bucket, or a folder of encrypted files."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ..errors import BackupError
from .folder_store import PARTIAL, give_away, pieces
from .store_calls import Wait

IN_ORDER = 20
"""The number of names in order after which a store's list counts as ordered."""


class NotAllowedError(BackupError):
    """The store refuses the operation, because the credentials lack a permission."""


@dataclass(frozen=True)
class StoredObject:
    """An entry in the store's list of objects."""

    name: str
    bytes: int
    checksum: str
    """The MD5 in hexadecimal, if the store returns it. Otherwise another tag, or an empty text."""


class Objects(Protocol):
    """A store of objects below one address. Methods raise BackupError, OSError, and NotAllowedError if not allowed."""

    def put(self, name: str, content: bytes, wait: Wait | None = None) -> str:
        """Stores a new object. Never overwrites an object. Returns its `StoredObject.checksum`. Writes.

        `wait` can end the wait for the store's answer.
        """

    def get(self, name: str) -> Iterator[bytes]:
        """The content of an object, in chunks. Raises FileNotFoundError."""

    def locked(self, name: str) -> tuple[datetime, bool] | None:
        """Until when an object cannot be deleted, and whether the store confirms this. None without a lock."""

    def list(self, under: str = "", after: str = "") -> Iterator[StoredObject]:
        """Yields the objects page by page. With `under`, only objects whose name begins with `under` and a slash.

        With `after`, only objects whose name is greater. Most stores then skip the objects before it themselves.
        """

    def delete(self, names: Sequence[str], seconds: float | None = None) -> None:
        """Removes objects. `seconds` limits the wait for each answer of the store. Writes."""


def may_be_backups(objects: Objects) -> Iterator[StoredObject]:
    """The objects whose name begins with a digit, as the ID of a backup does.

    A bucket may hold a million other objects, with 1,000 in each page. Nearly all stores list names in order, so the
    list ends after the last digit. S3's directory buckets do not: 20 of their names are in order once in 20! times.
    """
    ordered, last = True, ""
    for number, each in enumerate(objects.list(after="0"), 1):
        ordered, last = ordered and each.name > last, each.name
        if each.name[0].isdigit():
            yield each
        elif ordered and number >= IN_ORDER and each.name > "9":
            return


@dataclass(frozen=True)
class FolderObjects:
    """Objects in a folder, as files that only their owner can read."""

    root: Path

    def put(self, name: str, content: bytes, _wait: Wait | None = None) -> str:
        """Writes a new file, and flushes it to disk. The file gets its name when it is complete."""
        path = self.root / name
        existing = next(parent for parent in path.parents if parent.exists())
        partial = path.with_name(f"{path.name}{PARTIAL}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            hint = "create the folder, or correct `backup.to` in the manifest"
            raise BackupError(f"cannot write to {path}: {error.strerror}", hint=hint) from None
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            give_away(partial, existing)
            partial.rename(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return hashlib.md5(content, usedforsecurity=False).hexdigest()

    def get(self, name: str) -> Iterator[bytes]:
        """The file's content."""
        yield from pieces(self.root / name)

    def locked(self, _name: str) -> None:
        """None, because a file in a folder is never locked."""
        return

    def list(self, under: str = "", after: str = "") -> Iterator[StoredObject]:
        """The files as objects. Computes the MD5 from the file on disk."""
        for path in sorted((self.root / under).rglob("*")):
            if path.is_file() and str(path.relative_to(self.root)) > after:
                with path.open("rb") as file:
                    found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
                yield StoredObject(str(path.relative_to(self.root)), path.stat().st_size, found)

    def delete(self, names: Sequence[str], _seconds: float | None = None) -> None:
        """Removes the files, and folders that become empty."""
        for name in names:
            (self.root / name).unlink(missing_ok=True)
        folders = {self.root / parent for name in names for parent in Path(name).parents if parent != Path()}
        for folder in sorted(folders, reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
