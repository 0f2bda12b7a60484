"""The process that parses strangers' SQL with C code. `parser_process.py` runs this process and explains its limits.

SQL that exploits an error of the parser can reach only two things: the socket to ctgitops, and the memory of this
process, which never contains a secret.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys
from collections.abc import Callable

from ctgitops.sql import libpg_query
from ctgitops.sql.guard import SqlSyntaxError
from ctgitops.sql.isolation import OPERATIONS

LIMITS = {
    resource.RLIMIT_NOFILE: 0,  # no further file, socket or pipe can be opened
    resource.RLIMIT_NPROC: 0,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_CPU: 120,
    resource.RLIMIT_AS: 4 << 30,
}
NOBODY = 65534
SOCKET = 0
_NO_NEW_PRIVILEGES = 38
"""The option PR_SET_NO_NEW_PRIVS of prctl. A program with the set-user-ID bit then gains no privileges."""
DONE, REFUSED, UNEXPECTED = b"d", b"r", b"u"
HEADER = struct.Struct("!cII")
"""The header of a message. An answer has a kind, an offset, and the length of its text.

A request has an unused byte, the length of the operation's name, and the length of the argument.
"""


def confine() -> None:
    """Gives up access to files, the network and other processes, for all threads. If root, also changes the account."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    for limit, most in LIMITS.items():
        resource.setrlimit(limit, (most, most))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def serve() -> None:
    """Answers requests until the main process closes the connection."""
    confine()
    while header := _read(HEADER.size):
        _, name, size = HEADER.unpack(header)
        operation = _read(name).decode()
        kind, offset, text = _answer(OPERATIONS[operation], _read(size))
        _write(HEADER.pack(kind, offset, len(text)) + text)


def _answer(operation: Callable[[bytes], bytes], argument: bytes) -> tuple[bytes, int, bytes]:
    try:
        return DONE, 0, operation(argument)
    except SqlSyntaxError as error:
        return REFUSED, error.offset, error.message.encode()
    except Exception as error:  # noqa: BLE001 - the other process reports it
        return UNEXPECTED, 0, repr(error).encode()


def _read(size: int) -> bytes:
    """Reads exactly `size` bytes, or fewer at the end of the input."""
    parts = []
    while size and (part := os.read(SOCKET, min(size, 1 << 20))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _write(data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(SOCKET, left) :]


def main() -> None:
    """Loads all code, then answers requests in a thread. Its stack is large enough for deeply nested SQL."""
    libpg_query.library()
    if "deparse" in sys.argv:
        from ctgitops.sql import rewrite  # noqa: PLC0415 - takes 100 ms, but is seldom needed

        rewrite.preload()
    libpg_query.on_large_stack(serve)
