"""Finds and ends all processes that a command started, also those that left its process group and session.

`postgres/server/watchdog.py` does the same for a server, whose command line names its folder.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36
SECONDS = 10
"""How long to try to end processes. A command that starts processes all the time may need several rounds."""
# This shell reads from a pipe that only our process holds open: it reads end of file when our process ends.
_SCRIPT = """
trap '' HUP INT QUIT TERM PIPE
read -r group && ! read -r word && kill -s KILL -- "-$group"
"""


class GroupWatchdog:
    """Ends the process group of a command if this process ends before the block. Works even after SIGKILL."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "ctgitops-watchdog"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath)},
            start_new_session=True,
        )
        return self

    def watch(self) -> None:
        """Watches the process group of the current process: the child that is about to become the command.

        The command may kill this process at once, so it must not run before the watchdog has its process group.
        """
        if self._process.stdin:
            os.write(self._process.stdin.fileno(), b"%d\n" % os.getpid())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell("done")
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        if self._process.stdin:
            with suppress(BrokenPipeError):  # the command has ended this shell
                self._process.stdin.write(f"{line}\n".encode())


class Descendants:
    """While the block runs, becomes the parent of each descendant whose own parent ends. Only on Linux.

    In the block, other processes of the same user also cannot read this process's environment and memory. Elsewhere
    than on Linux, `end` ends only the command's process group.
    """

    def __init__(self) -> None:
        self._before: frozenset[int] = frozenset()

    def __enter__(self) -> Self:
        self._before = frozenset(_children().get(os.getpid(), ()))
        _control(PR_SET_CHILD_SUBREAPER, 1)
        _control(PR_SET_DUMPABLE, 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _control(PR_SET_DUMPABLE, 1)
        _control(PR_SET_CHILD_SUBREAPER, 0)

    def end(self, process: subprocess.Popen[bytes]) -> int:
        """Ends the command and all its descendants. Returns the number of processes that are left after some time."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        deadline = time.monotonic() + SECONDS
        while True:
            running = frozenset() if process.poll() is not None else {process.pid}
            left = self._descendants() | running
            if not left or time.monotonic() > deadline:
                return len(left)
            # Stopped first: a process that starts others all the time would otherwise be faster than this loop
            for sign in (signal.SIGSTOP, signal.SIGKILL):
                _signal(left, sign)
            _reap(left - {process.pid})
            time.sleep(0.005)

    def _descendants(self) -> frozenset[int]:
        """This process's descendants, without the processes that it had before the block, and without theirs."""
        children = _children()
        found: set[int] = set()
        left = [pid for pid in children.get(os.getpid(), ()) if pid not in self._before]
        while left:
            pid = left.pop()
            found.add(pid)
            left += (child for child in children.get(pid, ()) if child not in found)
        return frozenset(found)


def _control(option: int, value: int) -> None:
    """Calls prctl(2). Does nothing on systems without it."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _children() -> dict[int, list[int]]:
    """Maps each process ID to the IDs of its children. Empty on systems without /proc."""
    found: dict[int, list[int]] = {}
    with suppress(OSError):
        for entry in os.scandir("/proc"):
            if entry.name.isdecimal():
                with suppress(OSError, ValueError, IndexError):
                    # The second field is the program's name in parentheses, which may contain spaces
                    after = (Path(entry.path) / "stat").read_text(errors="replace").rpartition(")")[2].split()
                    found.setdefault(int(after[1]), []).append(int(entry.name))
    return found


def _signal(processes: Iterable[int], sign: signal.Signals) -> None:
    for pid in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, sign)


def _reap(processes: Iterable[int]) -> None:
    for pid in processes:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
