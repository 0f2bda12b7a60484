"""Stores backups as objects in a bucket, or encrypted in a folder. A backup's ID is the prefix of its objects."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader, BytesIO, RawIOBase
from itertools import groupby
from pathlib import Path, PurePosixPath

from ..core.backup.stored_backup import BACKUP_ID
from ..core.receipt import SavedFile
from ..errors import BackupError
from ..ports.backup_store import NOTES, RECEIPT, Draft, StoredCopy
from ..postgres.connection.uninterrupted_cleanup import uninterrupted_cleanup
from .encryption import ENCRYPTED, Cipher
from .folder_store import CHUNK
from .objects import NotAllowedError, Objects, StoredObject, may_be_backups
from .pg_dump import many
from .store_calls import Wait
from .temporary_folder import temporary_folder
from .upload import Upload, put_parts

BEGUN = "begun"
"""The name of a backup's first object, which is written before the dump to test access to the store."""
CLEANUP_SECONDS = 10.0
"""The longest wait for each answer of the store while the objects of an unfinished backup are removed."""
_PART = re.compile(r"\.part[0-9]{5,}$")


def _quiet(_words: str) -> None:
    return


def _ignore(_bytes: int) -> None:
    return


@dataclass(frozen=True)
class ObjectStore:
    """Implements `ports.backup_store.BackupStore` with objects. pg_dump writes to a temporary folder."""

    objects: Objects
    address: str
    cipher: Cipher = field(default_factory=Cipher)
    warn: Callable[[str], None] = _quiet
    moved: Callable[[int], None] = _ignore
    """Called for each piece that is stored or downloaded, with the number of its bytes."""

    def location(self, backup: str) -> str:
        """The URL or path of a backup in the store."""
        return f"{self.address.rstrip('/')}/{backup}"

    @contextmanager
    def begin(self, backup: str) -> Iterator[Draft]:
        """Uploads finished files while pg_dump writes others. Removes the objects of an unfinished backup. Writes."""
        with temporary_folder() as folder:
            draft = _Draft(self, backup, folder)
            try:
                draft.begin()
                yield Draft(folder, draft.store, draft.fetch, draft.finish)
            finally:
                with uninterrupted_cleanup():
                    draft.end()

    def receipt(self, backup: str) -> str | None:
        """The text of the receipt."""
        try:
            return b"".join(self.objects.get(f"{backup}/{RECEIPT}")).decode()
        except FileNotFoundError:
            return None

    def names(self, backup: str) -> tuple[str, ...]:
        """The objects of the backup."""
        found = (each.name.removeprefix(f"{backup}/") for each in self.objects.list(backup))
        return tuple(sorted(name for name in found if name != RECEIPT and not name.startswith(f"{NOTES}/")))

    def content(self, backup: str, name: str) -> Iterator[bytes]:
        """An object of the backup."""
        return self.objects.get(f"{backup}/{name}")

    def notes(self, backup: str) -> tuple[str, ...]:
        """The objects below the backup's `notes`. None if the permission to list them is missing."""
        try:
            names = sorted(each.name for each in self.objects.list(f"{backup}/{NOTES}"))
        except NotAllowedError:
            return ()
        return tuple(b"".join(self.objects.get(name)).decode() for name in names)

    def add_note(self, backup: str, name: str, text: str) -> None:
        """Adds a new object below the backup's `notes`, without encryption. Writes."""
        self.objects.put(f"{backup}/{NOTES}/{name}", text.encode())

    @contextmanager
    def get(self, backup: str, below: str = "") -> Iterator[Path]:
        """A temporary folder with the downloaded and decrypted files."""
        with temporary_folder() as folder:
            receipt = self.receipt(backup)
            if receipt is not None:
                self.fetch_into(folder, backup, below)
                (folder / RECEIPT).write_text(receipt, encoding="utf-8")
            yield folder

    def fetch_into(self, folder: Path, backup: str, below: str = "") -> None:
        """Downloads and decrypts a backup's files, or only the files in its folder `below`. Raises BackupError."""
        for name, parts in groupby(self.names(backup), key=lambda name: _PART.sub("", name)):
            if name.removesuffix(ENCRYPTED) == BEGUN or (below and not name.startswith(f"{below}/")):
                continue
            if ".." in PurePosixPath(name).parts or name.startswith("/"):
                raise BackupError(f"{self.location(backup)} has an object that is not part of a backup: {name}")
            path = folder / name.removesuffix(ENCRYPTED)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("xb") as file:
                chunks = (chunk for part in parts for chunk in self.content(backup, part))
                stored = BufferedReader(_Stored(chunks, self.moved), CHUNK)
                if name.endswith(ENCRYPTED):
                    self.cipher.decrypt(stored, file, f"{self.location(backup)}/{name}")
                else:
                    shutil.copyfileobj(stored, file, 1 << 20)

    def ids(self) -> tuple[str, ...]:
        """The IDs of the backups with a receipt."""
        return tuple(sorted(backup for backup, counts in self._found().items() if counts))

    def unfinished(self) -> tuple[str, ...]:
        """The IDs of backups without a receipt. Ignores objects whose prefix is not an ID."""
        return tuple(sorted(b for b, counts in self._found().items() if not counts and BACKUP_ID.fullmatch(b)))

    def delete(self, backup: str) -> None:
        """Removes the receipt, then the other objects. Writes."""
        names = [each.name for each in self.objects.list(backup)]
        receipt = f"{backup}/{RECEIPT}"
        if receipt in names:
            self.objects.delete([receipt])
        if others := [name for name in names if name != receipt]:
            self.objects.delete(others)

    def _found(self) -> dict[str, bool]:
        """Maps the ID of each backup in the store to whether its receipt exists."""
        found: dict[str, bool] = {}
        for each in may_be_backups(self.objects):
            backup, slash, name = each.name.partition("/")
            if slash and (name == RECEIPT or BACKUP_ID.fullmatch(backup)):
                found[backup] = found.get(backup, False) or name == RECEIPT
        return found


class _Draft:
    """A backup that is being written."""

    def __init__(self, store: ObjectStore, backup: str, folder: Path) -> None:
        self._store = store
        self._backup = backup
        self._folder = folder
        self._put: dict[str, StoredObject] = {}
        self._sha256: dict[str, str] = {}
        self._files: dict[str, SavedFile] = {}
        self._upload: Upload | None = None
        self._fetched = False
        self._receipt_tried = False
        self._receipt = Wait()
        self._finished = False

    def begin(self) -> None:
        """Stores the first object, and begins to upload. Writes."""
        put_parts(BytesIO(self._backup.encode()), BEGUN, self._store.cipher, self._put_object)
        self._upload = Upload(self._folder, self._store.cipher, self._put_object)

    def store(self, files: Mapping[str, SavedFile]) -> StoredCopy:
        """Waits for all uploads. Compares the uploaded objects with `files` and with the objects in the store."""
        self._wait()
        if wrong := [name for name, file in files.items() if self._files.get(name) != file]:
            more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            raise BackupError(f"files changed while they were uploaded: {', '.join(sorted(wrong)[:3])}{more}")
        words = self._compared()
        objects = {name: SavedFile(o.bytes, self._sha256[name]) for name, o in self._put.items()}
        lock = self._store.objects.locked(f"{self._backup}/{next(iter(self._put))}")
        if lock is None:
            return StoredCopy(objects, words)
        until, confirmed = lock
        said = "as the store confirms" if confirmed else "which the store DOES NOT CONFIRM"
        return StoredCopy(objects, f"{words}; locked until {until:%Y-%m-%d %H:%M} UTC, {said}", until.isoformat())

    def fetch(self) -> None:
        """Replaces the local files with the files in the store."""
        self._fetched = True
        for path in self._folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._store.fetch_into(self._folder, self._backup)

    def finish(self, receipt: str) -> None:
        """Stores the receipt, after all other objects. After a download, first compares the list of objects again."""
        self._wait()
        if self._fetched:  # the restore took place since the first comparison
            self._compare_list()
        self._receipt_tried = True
        self._store.objects.put(f"{self._backup}/{RECEIPT}", receipt.encode(), self._receipt)
        self._finished = True

    def end(self) -> None:
        """Ends the uploads. Removes the objects if the backup is unfinished. Writes."""
        if self._upload:
            self._upload.stop()
        if self._finished or not self._put:
            return
        if self._receipt.unanswered:  # the store may still store the receipt, which needs the other objects
            self._store.warn(f"objects of {self._backup} remain in the store, which did not answer")
            return
        # The answer to the put of the receipt may be lost: so the receipt goes first, and alone
        steps = [[RECEIPT], list(self._put)] if self._receipt_tried else [list(self._put)]
        try:
            for names in steps:
                self._store.objects.delete([f"{self._backup}/{name}" for name in names], CLEANUP_SECONDS)
        except (BackupError, OSError) as error:
            self._store.warn(f"objects of {self._backup} remain in the store: {error}")

    def _wait(self) -> None:
        if self._upload:
            self._files |= self._upload.rest()

    def _put_object(self, name: str, content: bytes, wait: Wait | None = None) -> None:
        self._sha256[name] = hashlib.sha256(content).hexdigest()
        expected = hashlib.md5(content, usedforsecurity=False).hexdigest()
        # Noted before it is put: a put whose answer is lost may have stored the object
        self._put[name] = StoredObject(name, len(content), "")
        said = self._store.objects.put(f"{self._backup}/{name}", content, wait)
        self._put[name] = StoredObject(name, len(content), expected if said == expected else "")
        self._store.moved(len(content))

    def _compared(self) -> str:
        """Compares each object in the store with its upload. Returns the method as text. Raises BackupError."""
        unread = [name for name, each in self._put.items() if not each.checksum]
        for name in unread:
            self._read_back(name)
        number, by = many(len(self._put), "object"), "by MD5" if not unread else "by SHA-256 after a download"
        if unread and len(unread) < len(self._put):
            by = f"by MD5, and {len(unread)} by SHA-256 after a download"
        if not self._compare_list():
            return f"compared {number} {by} during the upload; the credentials may not list objects"
        return f"compared {number} in the store {by}"

    def _compare_list(self) -> bool:
        """Compares each object's entry in the list with its upload. False without the permission to list objects."""
        try:
            listed = {
                each.name.removeprefix(f"{self._backup}/"): each for each in self._store.objects.list(self._backup)
            }
        except NotAllowedError:
            return False
        for name, put in self._put.items():
            now = listed.get(name)
            if now is None or now.bytes != put.bytes or (put.checksum and now.checksum != put.checksum):
                raise self._other(name, "is missing" if now is None else "has different contents")
        return True

    def _read_back(self, name: str) -> None:
        found = hashlib.sha256()
        for chunk in self._store.objects.get(f"{self._backup}/{name}"):
            found.update(chunk)
        if found.hexdigest() != self._sha256[name]:
            raise self._other(name, "has different contents")

    def _other(self, name: str, is_wrong: str) -> BackupError:
        what = f"an object in the store differs from its upload: {self._store.location(self._backup)}/{name} {is_wrong}"
        return BackupError(what, hint="run the command again, and find out who writes to this store")


class _Stored(RawIOBase):
    """A file object that reads its content from chunks of bytes."""

    def __init__(self, chunks: Iterator[bytes], moved: Callable[[int], None]) -> None:
        self._chunks = chunks
        self._moved = moved
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Fills the buffer from the next chunk."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._moved(len(chunk))
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
