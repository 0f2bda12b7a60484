"""Standard output and error that cannot end a run: what cannot be written is dropped, and the reason remembered.

A reader that left, a full disk, a terminal that is closed or a descriptor that never was open is no reason to stop in
the middle of a migration, nor to report another exit status than the run's own.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

CLOSED = OSError(errno.EBADF, os.strerror(errno.EBADF))


class Steady(io.FileIO):
    """A descriptor for output whose first failure is kept; from then on everything is dropped."""

    def __init__(self, descriptor: int, failure: OSError | None = None) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.failure = failure

    def write(self, data: ReadableBuffer, /) -> int:
        """Bytes written, or dropped; waits where another process made the descriptor non-blocking."""
        while self.failure is None:
            try:
                written: int | None = super().write(data)
            except OSError as error:
                self.failure = error
                break
            if written is not None:
                return written
            select.select([], [self], [])
        return memoryview(data).nbytes


_kept: list[TextIO] = []
"""The streams that were there before: when they are collected, they would close the descriptors."""
_steady: dict[str, Steady] = {}


def open_missing() -> frozenset[int]:
    """Opens closed ones of descriptors 0 to 2, lest a database's socket gets their number; returns which they were."""
    closed = set()
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            closed.add(descriptor)
            os.open(os.devnull, os.O_RDWR)
    return frozenset(closed)


def install(closed: frozenset[int] = frozenset()) -> None:
    """Makes standard output and error steady; a stream without a descriptor, such as a test's, stays as it is."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        old: TextIO | None = getattr(sys, name)
        descriptor = number if old is None else _descriptor_of(old)
        if descriptor is None:
            continue
        raw = Steady(descriptor, CLOSED if old is None or number in closed else None)
        _steady[name] = raw
        if old is not None:
            _kept.append(old)
        encoding = (old.encoding if old else None) or "utf-8"
        buffered = name == "stdout" and not (old and old.isatty())
        setattr(sys, name, _text(raw, encoding, line_buffering=not buffered))


def _text(raw: Steady, encoding: str, *, line_buffering: bool) -> TextIO:
    # What the encoding does not have is written as an escape: an error would end the run
    buffer = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding=encoding, errors="backslashreplace", line_buffering=line_buffering)


def _descriptor_of(stream: TextIO) -> int | None:
    try:
        stream.flush()
        return stream.fileno()
    except (OSError, ValueError):
        return None


def unwritten() -> OSError | None:
    """Why standard output was not written to its end; None where it was, or where its reader left on purpose."""
    sys.stdout.flush()
    failure = _steady["stdout"].failure if "stdout" in _steady else None
    return None if failure is None or failure.errno == errno.EPIPE else failure
