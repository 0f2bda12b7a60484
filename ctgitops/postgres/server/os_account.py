"""Finds an unprivileged account for throw-away servers, because PostgreSQL refuses to run as root."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import UsageError
from ...lazy import dataclass

CANDIDATES = ("postgres", "nobody", "daemon")
"""Accounts to try, in this order. ctgitops never creates an account."""


@dataclass(frozen=True)
class Account:
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int

    def take_over(self, path: Path) -> None:
        """Makes the account the owner of a file or folder."""
        os.chown(path, self.uid, self.gid)

    def reaches(self, program: Path, *files: Path) -> bool:
        """Whether the account can run `program` and read `files`."""
        script = 'test -x "$0" || exit 1; for file do test -r "$file" || exit 1; done'
        done = run_as(self, ["/bin/sh", "-c", script, str(program), *map(str, files)], {})
        return done.returncode == 0


def unprivileged() -> Account | None:
    """The account that runs a server. None if this process is not root. Raises UsageError if no account is usable."""
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    what = f"a PostgreSQL server cannot run as root, and none of the accounts {', '.join(CANDIDATES)} exists"
    raise UsageError(what, hint="run as an ordinary user, or create an account: `useradd --system postgres`")


def popen_options(account: Account | None) -> dict[str, Any]:
    """The Popen options that start a program as `account`, without the supplementary groups of this process."""
    return {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}


def run_as(
    account: Account | None, command: Sequence[str], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end as `account`. Uses a separate session, so that Ctrl-C reaches only this process."""
    child = subprocess.Popen(
        command,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **environment},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **popen_options(account),
    )
    try:
        said, complained = child.communicate()
    except BaseException:
        # Kill the whole group: child processes, such as the postgres that initdb starts, would continue to write
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        raise
    return subprocess.CompletedProcess(command, child.returncode, said, complained)
