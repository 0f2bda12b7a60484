"""A full backup with pgBackRest of a server that does not archive, for comparison."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.os_account import unprivileged

PROCESSES = 2


def full_backup(server: LocalServer, folder: Path) -> float | None:
    """The seconds of a full backup into a new repository in `folder`, compressed with gzip and encrypted.

    None without pgBackRest, or if it does not support this version of PostgreSQL.
    """
    if shutil.which("pgbackrest") is None:
        return None
    work = folder / "pgbackrest"
    config = work / "pgbackrest.conf"
    for each in ("repo", "lock", "spool"):
        (work / each).mkdir(parents=True)
    config.write_text(
        f"[global]\nrepo1-path={work}/repo\nlock-path={work}/lock\nspool-path={work}/spool\n"
        f"log-level-file=off\nlog-level-console=warn\nrepo1-retention-full=9\nprocess-max={PROCESSES}\n"
        "compress-type=gz\ncompress-level=1\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=only-for-the-bench\n"
        "start-fast=y\narchive-check=n\narchive-copy=n\n"
        f"[main]\npg1-path={server._data}\npg1-port={server._port}\npg1-socket-path={server._sockets}\n"
        "pg1-user=postgres\n"
    )
    account = unprivileged()
    if account:
        for path in (work, *work.rglob("*")):
            account.take_over(path)
    by = ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"] if account else []
    command = [*by, "pgbackrest", f"--config={config}", "--stanza=main"]
    try:
        if subprocess.run([*command, "--no-online", "stanza-create"], check=False, cwd="/").returncode:
            return None
        began = time.perf_counter()
        subprocess.run([*command, "--type=full", "backup"], check=True, cwd="/")
        return time.perf_counter() - began
    finally:
        shutil.rmtree(work)
