"""Replaces standard output and error with streams that never raise an error.

A stream stores its first error and drops all later output. A closed pipe, a full disk, a closed terminal or a
descriptor that was never open must not stop a run in the middle of a migration, or change the run's exit status.
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


class ErrorKeepingOutput(io.FileIO):
    """An output stream whose writes never raise an error. It stores its first error, and drops all later output."""

    def __init__(self, descriptor: int, failure: OSError | None = None) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.failure = failure

    def write(self, data: ReadableBuffer, /) -> int:
        """Returns the number of bytes written or dropped. Waits if another process made the descriptor non-blocking."""
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
"""References to the original streams. Without them, garbage collection would close the descriptors."""
_outputs: dict[str, ErrorKeepingOutput] = {}


def open_missing() -> frozenset[int]:
    """Opens /dev/null on each closed descriptor among 0, 1 and 2. Returns these. No socket then gets their numbers."""
    closed = set()
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            closed.add(descriptor)
            os.open(os.devnull, os.O_RDWR)
    return frozenset(closed)


def install(closed: frozenset[int] = frozenset()) -> None:
    """Replaces standard output and error. Skips a stream without a file descriptor, as in a test."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        old: TextIO | None = getattr(sys, name)
        descriptor = number if old is None else _descriptor_of(old)
        if descriptor is None:
            continue
        raw = ErrorKeepingOutput(descriptor, CLOSED if old is None or number in closed else None)
        _outputs[name] = raw
        if old is not None:
            _kept.append(old)
        encoding = (old.encoding if old else None) or "utf-8"
        buffered = name == "stdout" and not (old and old.isatty())
        setattr(sys, name, _text(raw, encoding, line_buffering=not buffered))


def _text(raw: ErrorKeepingOutput, encoding: str, *, line_buffering: bool) -> TextIO:
    # Escapes characters that the encoding cannot represent, because an error would end the run
    buffer = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding=encoding, errors="backslashreplace", line_buffering=line_buffering)


def _descriptor_of(stream: TextIO) -> int | None:
    try:
        stream.flush()
        return stream.fileno()
    except (OSError, ValueError):
        return None


def unwritten() -> OSError | None:
    """Returns the write error of standard output. None if there was no error, or if the reader closed the pipe."""
    sys.stdout.flush()
    failure = _outputs["stdout"].failure if "stdout" in _outputs else None
    return None if failure is None or failure.errno == errno.EPIPE else failure
