"""Ends child programs when this process ends. Works even if SIGKILL ends this process."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import tempfile
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from .os_account import Account, popen_options

# This shell reads from a pipe that only our process holds open: it reads end of file when our process ends.
# (PR_SET_PDEATHSIG is Linux-only, is lost by a change of user, and fires when a *thread* ends.) The shell ends only
# processes whose command line still names our folder: the system may have reused a process id.
# $1: the folder; $2: the list of process ids; $3: whether to remove the folder too.
_SCRIPT = """
trap '' HUP INT QUIT TERM PIPE
read -r word
[ "$word" = done ] && exit 0
ours() {
    { tr '\\0' ' ' <"/proc/$1/cmdline" || ps -wwo command= -p "$1"; } 2>/dev/null | grep -qF -- "$folder"
}
folder=$1
remove() { [ "$3" = keep ] || rm -rf -- "$1"; }
for signal in QUIT QUIT QUIT QUIT KILL KILL; do
    left=
    while read -r pid; do
        ours "$pid" && left=1 && kill -s "$signal" -- "-$pid"
    done <"$2"
    [ -z "$left" ] && remove "$@"
    sleep 0.2
done 2>/dev/null
remove "$@"
rm -f -- "$2"
"""


class FolderAction(StrEnum):
    """What the watchdog does with the folder after this process has ended early."""

    REMOVE = "remove"
    KEEP = "keep"


class Watchdog:
    """When this process ends, also ends the programs that use a folder. Their command lines must name the folder."""

    def __init__(
        self, folder: Path, *, account: Account | None = None, then: FolderAction = FolderAction.REMOVE
    ) -> None:
        self.folder = folder
        self._account = account
        self._then = then
        self._pids = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # If the folder will be removed, the list is beside it, for its account. A kept folder's disk may be read-only
        place = self.folder.parent if self._then is FolderAction.REMOVE else None
        descriptor, name = tempfile.mkstemp(prefix="ctgitops-", suffix=".pids", dir=place)
        os.close(descriptor)
        self._pids = Path(name)
        if self._account:
            self._account.take_over(self._pids)
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "ctgitops-watchdog", str(self.folder), str(self._pids), self._then],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath)},
            start_new_session=True,
            **popen_options(self._account),
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops the watchdog. Call this only after the programs have ended."""
        self._pids.unlink(missing_ok=True)  # first: the shell removes it only if this process ends early
        if self._process and self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.write(b"done\n")
                self._process.stdin.close()
            self._process.wait()

    def command(self, arguments: list[str]) -> list[str]:
        """A command that adds its own process ID to the watchdog's list, and then runs `arguments`."""
        note = f'echo $$ >>{shlex.quote(str(self._pids))} && exec "$@"'
        return ["/bin/sh", "-c", note, "ctgitops-start", *arguments]
