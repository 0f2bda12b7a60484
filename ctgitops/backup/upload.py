"""Encrypts and uploads the files of a folder while pg_dump still writes other files.

Each 16 MB of a file become one object. This module uses no multipart upload. Each object is put only if its name does
not exist, and the store verifies its checksum. After an interruption, all objects can be listed. No file is too large.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BufferedIOBase
from pathlib import Path

from ..core.receipt import SavedFile
from ..errors import BackupError
from .encryption import Cipher
from .store_calls import Wait

PART = 16 << 20
"""Maximum size of an object in bytes. Each upload thread needs memory for two objects of this size."""
THREADS = 4
EVERY_SECONDS = 0.5


def part_name(name: str, number: int) -> str:
    """The name of the object for a part of a file. For example, the second part has the suffix `.part00001`."""
    return f"{name}.part{number:05}" if number else name


@dataclass
class _Parts:
    """Takes the bytes of a file and stores them in parts. Implements `encryption.Writer`."""

    put: Callable[[str, bytes], None]
    name: str
    _buffer: bytearray = field(default_factory=bytearray)
    _number: int = 0

    def write(self, data: bytes, /) -> int:
        self._buffer += data
        while len(self._buffer) >= PART:
            self._put(PART)
        return len(data)

    def flush(self) -> None:
        """Does nothing, because each part is stored when it is full."""

    def end(self) -> None:
        """Stores the last part. An empty file becomes an empty object."""
        if self._buffer or not self._number:
            self._put(len(self._buffer))

    def _put(self, size: int) -> None:
        part = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        self.put(part_name(self.name, self._number), part)
        self._number += 1


class _Hashed(BufferedIOBase):
    """Reads a file while it computes the file's size and SHA-256."""

    def __init__(self, file: BufferedIOBase, stop: threading.Event) -> None:
        self._file = file
        self._stop = stop
        self._sha256 = hashlib.sha256()
        self._bytes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if self._stop.is_set():
            raise BackupError("the upload was stopped")  # pyrage repeats a read after InterruptedError, without end
        data = self._file.read(size)
        self._sha256.update(data)
        self._bytes += len(data)
        return data

    def saved(self) -> SavedFile:
        """Size and SHA-256 of the bytes that were read so far."""
        return SavedFile(self._bytes, self._sha256.hexdigest())


def put_parts(clear: BufferedIOBase, name: str, cipher: Cipher, put: Callable[[str, bytes], None]) -> None:
    """Encrypts `clear` with `cipher`, and stores the result as the parts of the file `name`."""
    parts = _Parts(put, name + cipher.suffix)
    cipher.encrypt(clear, parts)
    parts.end()


class Upload:
    """Uploads the files of `folder` in threads, each file when it is complete."""

    def __init__(self, folder: Path, cipher: Cipher, put: Callable[[str, bytes, Wait], None]) -> None:
        self._folder = folder
        self._cipher = cipher
        self._wait = Wait()
        self._put = put
        self._begun: dict[str, Future[SavedFile]] = {}
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="upload")
        self._watcher = threading.Thread(target=self._watch, name="upload watcher", daemon=True)
        self._watching = threading.Event()
        self._watcher.start()

    def rest(self) -> dict[str, SavedFile]:
        """Uploads the remaining files, and waits. Maps each file's path in the folder to its size and SHA-256."""
        self._watching.set()
        self._watcher.join()
        for name in sorted(_files(self._folder)):
            self._begin(name)
        return {name: future.result() for name, future in self._begun.items()}

    def stop(self) -> None:
        """Ends all uploads. Waits until all upload threads have stopped, but only seconds for a silent store."""
        self._watching.set()
        self._wait.stop.set()
        self._watcher.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _watch(self) -> None:
        complete: set[str] = set()
        while not self._watching.wait(EVERY_SECONDS):
            # A new file is listed a moment before the kernel shows who writes it: so it must be closed twice
            with contextlib.suppress(OSError):
                closed = _files(self._folder) - _open_below(self._folder)
                for name in sorted(closed & complete):
                    self._begin(name)
                complete = closed

    def _begin(self, name: str) -> None:
        if name not in self._begun:
            self._begun[name] = self._pool.submit(self._upload, name)

    def _upload(self, name: str) -> SavedFile:
        with (self._folder / name).open("rb") as file:
            hashed = _Hashed(file, self._wait.stop)
            put_parts(hashed, name, self._cipher, lambda part, content: self._put(part, content, self._wait))
        return hashed.saved()


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _open_below(folder: Path) -> set[str]:
    """The files of `folder` that a process has open. Raises OSError without /proc. Uploads then await pg_dump's end."""
    found = set()
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            for descriptor in os.scandir(process / "fd"):
                with contextlib.suppress(OSError, ValueError):
                    found.add(str(Path(descriptor.path).readlink().relative_to(folder.resolve())))
    return found
