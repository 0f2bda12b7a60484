"""Limits the resources of this machine that unreviewed SQL can use. Terminates a server that exceeds a limit."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from ...lazy import dataclass

LOOK_SECONDS = 0.25
MEGABYTE = 1 << 20
RECOUNT_BYTES = 32 * MEGABYTE
RECOUNT_SECONDS = 5.0


@dataclass(frozen=True)
class Limits:
    """Limits of one throw-away server."""

    seconds: float = 300
    """Maximum run time of the server, in seconds."""
    disk: int = 1 << 30
    """Maximum size of all files of the server, in bytes."""
    file: int = 256 << 20
    """Maximum size of each file, in bytes."""
    memory: int = 2 << 30
    """Maximum address space of each process, in bytes."""
    connections: int = 20
    """Maximum number of connections to the server."""

    def command(self, arguments: list[str]) -> list[str]:
        """The command that runs `arguments` with resource limits. Leaves out limits that the operating system lacks."""
        asked = f"ulimit -c 0; ulimit -f {self.file // 512}; ulimit -v {self.memory // 1024}"
        return ["/bin/sh", "-c", f'{{ {asked}; }} 2>/dev/null; exec "$@"', "ctgitops-limits", *arguments]

    def settings(self) -> dict[str, str]:
        """Server parameters that enforce limits. Only a superuser can change them, so unreviewed SQL cannot."""
        return {
            "temp_file_limit": f"{self.disk // 2 // MEGABYTE}MB",
            "max_wal_size": "128MB",
            "min_wal_size": "32MB",
            "max_worker_processes": "2",
            "max_connections": str(self.connections),
            "max_locks_per_transaction": "2048",
            "shared_buffers": "64MB",
            "autovacuum": "off",
            "max_prepared_transactions": "0",
        }


class ResourceGuard:
    """Checks a server's run time, and its size as `used` returns it. Calls `end` once if a limit is exceeded."""

    def __init__(self, used: Callable[[], int], limits: Limits, end: Callable[[], None]) -> None:
        self._used = used
        self._limits = limits
        self._end = end
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="ctgitops-limits")
        self.why = ""
        """The limit that was exceeded, as text. Empty if no limit was exceeded."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        deadline = time.monotonic() + self._limits.seconds
        while not self._over.wait(LOOK_SECONDS):
            if time.monotonic() > deadline:
                self.why = f"it took longer than {self._limits.seconds:.0f} seconds"
            elif self._used() > self._limits.disk:
                self.why = f"it wrote more than {self._limits.disk // MEGABYTE:,} MB"
            if self.why:
                self._end()
                return


class FolderSize:
    """Size of all files in a folder, in bytes.

    Counts the files again when the file system has lost free space, or after some seconds. A server with many tables
    has thousands of files, and each count of them delays the threads of this process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._size = 0
        self._free = 0
        self._next_count = 0.0

    def __call__(self) -> int:
        """The size at the last count."""
        free = self._free_now()
        if self._free - free >= RECOUNT_BYTES or time.monotonic() >= self._next_count:
            self._size, self._free = sum(_sizes(self._folder)), free
            self._next_count = time.monotonic() + RECOUNT_SECONDS
        return self._size

    def _free_now(self) -> int:
        with contextlib.suppress(OSError):
            found = os.statvfs(self._folder)
            return found.f_bavail * found.f_frsize
        return 0


def _sizes(folder: Path) -> Iterator[int]:
    """Sizes of the files on disk in bytes. Counts only the allocated blocks of a sparse file."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    yield from _sizes(Path(entry.path))
                else:
                    yield entry.stat(follow_symlinks=False).st_blocks * 512
