"""Reports the progress of a long part of a backup every second. An error in reporting never fails the backup."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ..core.run.backup_progress import BackupMeasured, Measure
from ..core.run.progress import Listener
from ..postgres.catalog.copy_progress import DumpProgress, RestoreProgress
from ..postgres.connection.connect import Address

EVERY_SECONDS = 1.0
TENTHS = 10


class _Meter:
    def __init__(self, measure: Callable[[], Measure], tell: Listener, before: int = 0) -> None:
        self._measure = measure
        self._before = before
        self._tell = tell
        self._began = time.monotonic()
        self._tenth = 0
        self._best: Measure | None = None

    def sample(self) -> None:
        """Measures and reports once. Ignores errors."""
        with contextlib.suppress(Exception):
            measure = self._best = _not_less(self._measure(), self._best)
            seconds = max(time.monotonic() - self._began, 0.001)
            tenth = TENTHS * (measure.percent or 0) // 100
            milestone, self._tenth = tenth > self._tenth, max(tenth, self._tenth)
            self._tell(BackupMeasured(measure, (measure.done - self._before) / seconds, milestone))


def _not_less(now: Measure, before: Measure | None) -> Measure:
    """The larger of two measures. Needed because the statistics of a COPY disappear before its commit."""
    if before is None:
        return now
    percents = [each for each in (now.percent, before.percent) if each is not None]
    lefts = [each.left for each in (now, before) if each.left is not None]
    return replace(
        now, done=max(now.done, before.done), percent=max(percents, default=None), left=min(lefts, default=None)
    )


@contextmanager
def _measured(measure: Callable[[], Measure], tell: Listener, before: int = 0) -> Iterator[None]:
    over = threading.Event()
    meter = _Meter(measure, tell, before)

    def watch() -> None:
        while not over.wait(EVERY_SECONDS):
            meter.sample()

    thread = threading.Thread(target=watch, name="meter", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def dump_measured(source: Address, folder: Path, tell: Listener, only: frozenset[int] | None = None) -> Iterator[None]:
    """Reports progress in a block while pg_dump writes to `folder`. `only` contains the OIDs of tables with rows."""
    sample = DumpProgress(source, only)

    def measure() -> Measure:
        written = sum(file.stat().st_size for file in folder.iterdir()) if folder.is_dir() else 0
        try:
            read, of = sample()
        except Exception:  # noqa: BLE001 - the size of the folder is still known
            read, of = 0, 0
        return Measure("dumping", "written", written, _percent(read, of), left=of - read if of else None)

    with contextlib.closing(sample), _measured(measure, tell):
        yield


@contextmanager
def restore_measured(target: Address, database: str | None, rows: Mapping[str, int], tell: Listener) -> Iterator[None]:
    """Reports pg_restore's progress within a block. `rows` maps each table to its expected number of rows."""
    sample = RestoreProgress(target, database)
    of, tables = sum(rows.values()), sum(map(bool, rows.values()))

    def measure() -> Measure:
        done, filled = sample()
        return Measure(
            "restoring", "rows", min(done, of), _percent(done, of), (min(filled, tables), tables), max(of - done, 0)
        )

    with contextlib.closing(sample), _measured(measure, tell):
        yield


class ByteCounter:
    """Counts the bytes that several threads read or write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.bytes = 0

    def __call__(self, number: int) -> None:
        """Adds `number` bytes."""
        with self._lock:
            self.bytes += number

    def reset(self) -> None:
        """Sets the count to zero."""
        with self._lock:
            self.bytes = 0


@contextmanager
def bytes_measured(doing: str, unit: str, of: int, tell: Listener, counter: ByteCounter) -> Iterator[None]:
    """Reports, within a block, how many of `of` bytes were counted."""

    def measure() -> Measure:
        done = min(counter.bytes, of)
        return Measure(doing, unit, done, _percent(done, of), left=of - done)

    with _measured(measure, tell, counter.bytes):
        yield


def _percent(done: int, of: int) -> int | None:
    """A percentage of at most 99, because constraints and indexes are still created after the rows."""
    return min(99, 100 * done // of) if of else None
