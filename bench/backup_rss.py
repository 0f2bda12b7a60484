"""The memory of a process and of its children, without PostgreSQL's programs, while it runs."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

OF_POSTGRESQL = {"postgres", "pg_dump", "pg_restore", "initdb"}
EVERY_SECONDS = 0.2
PAGE = os.sysconf("SC_PAGE_SIZE")


class Memory:
    """Samples a process tree from a thread; `peak` is its largest sum of resident sets in MB."""

    def __init__(self, pid: int) -> None:
        self.peak = 0.0
        self._pid = pid
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._end.wait(EVERY_SECONDS):
            self.peak = max(self.peak, tree_megabytes(self._pid))


def tree_megabytes(root: int) -> float:
    """The resident sets of the process and of its descendants."""
    parents: dict[int, tuple[int, str, int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            head, _, tail = (folder / "stat").read_text().rpartition(")")
            parents[int(folder.name)] = (int(tail.split()[1]), head.partition("(")[2], int(tail.split()[21]))
    level, pages = [root], 0
    while level:
        pages += sum(parents[pid][2] for pid in level if pid in parents and parents[pid][1] not in OF_POSTGRESQL)
        level = [pid for pid, (parent, _, _) in parents.items() if parent in level]
    return pages * PAGE / 1e6
