"""Parses SQL in a child process without access to secrets. The parser is C code, and a stranger may write the SQL.

The child is a new Python process without the environment variables and memory of ctgitops. Before the child reads any
SQL, it gives up the right to open files, sockets and processes, and limits its memory and time.

If ctgitops runs as root, the child changes to another account. Otherwise, processes of the same account cannot read
`/proc` of this process. An answer is data: JSON or SQL.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ..sql.guard import SqlSyntaxError
from ..sql.isolation import ParserEndedError, parsing_in
from .parser_child import DONE, HEADER, REFUSED

SECONDS = 30.0
"""Maximum time in seconds for one answer."""
MOST_ENDED = 5
"""How many children may end early before parsing stops, so that one file cannot delay all other files."""
_LARGEST = 512
"""Maximum number of bytes in an answer for each byte of SQL. A tree has fewer than 100."""
_RUN = "import sys; sys.path[:0] = sys.argv[2:]; from ctgitops.files.parser_child import main; main()"
_DUMPABLE = 4
"""The option PR_SET_DUMPABLE of prctl. With the value 0, `/proc/PID` of a process belongs to root."""


class _Child:
    def __init__(self, kind: str, paths: tuple[str, ...]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _RUN, kind, *paths],
                env={name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ},
                cwd="/",
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._socket = ours

    @property
    def process_id(self) -> int:
        return self._process.pid

    def ask(self, operation: str, argument: bytes) -> tuple[bytes, int, bytes]:
        """Sends a request. Returns the kind, the offset and the text of the answer. Raises OSError, EOFError."""
        deadline = time.monotonic() + SECONDS
        name = operation.encode()
        self._socket.settimeout(SECONDS)
        self._socket.sendall(HEADER.pack(DONE, len(name), len(argument)) + name + argument)
        kind, offset, size = HEADER.unpack(self._read(HEADER.size, deadline))
        if size > (1 << 20) + _LARGEST * len(argument):
            raise EOFError
        return kind, offset, self._read(size, deadline)

    def _read(self, size: int, deadline: float) -> bytes:
        read = bytearray()
        while len(read) < size:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            part = self._socket.recv(min(size - len(read), 1 << 20))
            if not part:
                raise EOFError
            read += part
        return bytes(read)

    def end(self) -> None:
        self._socket.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()


class ParserProcess:
    """Starts a child when the block begins, and a new child when a child has ended. Has one child per kind of work."""

    def __init__(self, paths: tuple[str, ...] = ()) -> None:
        self._paths = paths or _packages()
        self._children: dict[str, _Child] = {}
        self._lock = threading.Lock()
        self._ended = 0

    def start(self, kind: str = "parse") -> int:
        """Starts a child if none is running. Does not wait until the child is ready. Returns the child's process ID."""
        if kind not in self._children:
            self._children[kind] = _Child(kind, self._paths)
        return self._children[kind].process_id

    def __call__(self, operation: str, argument: bytes) -> bytes:
        """The result of the operation. Raises SqlSyntaxError, ParserEndedError."""
        kind = "parse" if operation.startswith("parse") else "deparse"
        with self._lock:
            if self._ended >= MOST_ENDED:
                raise ParserEndedError(f"the parser process ended {MOST_ENDED} times, and is not started again")
            try:
                self.start(kind)
                how, offset, text = self._children[kind].ask(operation, argument)
            except (OSError, EOFError) as error:
                self._ended += 1
                self._children.pop(kind).end()
                why = f"needed more than {SECONDS:.0f} seconds" if isinstance(error, TimeoutError) else "crashed"
                raise ParserEndedError(f"the parser process {why}, or exceeded its memory limit") from None
        if how == REFUSED:
            raise SqlSyntaxError(text.decode(errors="replace"), offset)
        if how != DONE:
            raise ParserEndedError(text.decode(errors="replace"))
        return text

    def end(self) -> None:
        """Ends all children."""
        while self._children:
            self._children.popitem()[1].end()


@cache
def _shared() -> ParserProcess:
    process = ParserProcess()
    atexit.register(process.end)
    return process


@contextmanager
def parsing_apart(process: ParserProcess | None = None) -> Iterator[None]:
    """Parses all SQL in a child process until the block ends. Without `process`, keeps the child for the next block."""
    process = process or _shared()
    process.start()
    _set_dumpable(0)
    try:
        with parsing_in(process):
            yield
    finally:
        _set_dumpable(1)


def _set_dumpable(value: int) -> None:
    if sys.platform == "linux" and os.geteuid() != 0:
        ctypes.CDLL(None).prctl(_DUMPABLE, value, 0, 0, 0)


def _packages() -> tuple[str, ...]:
    """The folders that contain ctgitops and the parser."""
    found = (find_spec(name) for name in ("ctgitops", "postgast"))
    return tuple({str(Path(str(each.origin)).parents[1]): None for each in found if each and each.origin})
