"""Runs pg_dump, which dumps one snapshot of a database into a folder.

`postgres/server/libpq_environment.py` passes the credentials to pg_dump in environment variables.
"""

from __future__ import annotations

import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path

from ..errors import BackupError
from ..postgres.catalog.database_part import DatabasePart
from ..postgres.catalog.dump_advice import denied
from ..postgres.catalog.exported_snapshot import ExportedSnapshot
from ..postgres.connection.connect import Address
from ..postgres.server.libpq_environment import environment_for, role_options
from ..postgres.server.programs import Programs
from ..postgres.server.watchdog import Watchdog
from .child_process import Finished, run

MOST_JOBS = 4
UNTOUCHED = "nothing was changed"


@dataclass(frozen=True)
class Dump:
    """The source, target folder and options of a dump."""

    client: Programs
    source: Address
    folder: Path
    jobs: int
    seconds: float | None = None
    """Maximum duration of the dump, in seconds."""
    part: DatabasePart | None = None
    """The part that is dumped. None for the whole database."""


def jobs() -> int:
    """The number of parallel connections of a dump or restore."""
    return min(MOST_JOBS, os.cpu_count() or 1)


def pg_dump(dump: Dump, snapshot: ExportedSnapshot, watchdog: Watchdog) -> None:
    """Dumps the snapshot into a folder, which must not exist yet. Only reads the database.

    Raises BackupError with pg_dump's message and advice, or OutOfTimeError.
    """
    command = [
        dump.client.path("pg_dump"),
        "--format=directory",
        f"--jobs={dump.jobs}",
        dump.client.compress_option,
        f"--snapshot={snapshot.id}",
        f"--file={dump.folder}",
        "--no-password",
        *role_options(dump.source),
        *_only(dump.part),
    ]
    finished = run(command, environment_for(dump.client, dump.source), watchdog, dump.seconds)
    if finished.status:
        raise _failed(dump, finished, snapshot)


def _only(part: DatabasePart | None) -> tuple[str, ...]:
    if part is None:
        return ()
    # -B: without large objects; the long name of the option differs between majors
    rows = (f"--exclude-table-data={pattern}" for pattern in part.patterns_without_rows)
    return ("-B", *rows, *(f"--exclude-table={pattern}" for pattern in part.patterns_undefined))


def many(number: int, thing: str) -> str:
    """A number and its noun, such as `1 row` or `4,711 rows`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def words_of(finished: Finished, address: Address) -> str:
    """The reason for a failure: the first error lines in the program's output, without secrets."""
    said = address.hidden(finished.said)
    lines = [line.strip() for line in said.splitlines() if re.search(r"error|fatal|detail:", line, re.IGNORECASE)]
    if not lines:
        lines = said.splitlines()[:1]
    if finished.status < 0:
        lines.append(f"killed by {signal.Signals(-finished.status).name}")
    return " / ".join(lines[:3]) or f"exit status {finished.status}"


def full_disk(words: str) -> bool:
    """Whether the message reports a full disk, or an exceeded quota or limit."""
    return bool(re.search(r"No space left on device|File too large|quota exceeded|SIGXFSZ", words))


def megabytes(number: int) -> str:
    """A number of bytes as text, such as `1.4 GB`, `12 MB` or `0.4 MB`."""
    if number >= 1_000_000_000:
        return f"{number / 1e9:.1f} GB"
    return f"{number / 1e6:.0f} MB" if number >= 10_000_000 else f"{number / 1e6:.1f} MB"


def _failed(dump: Dump, finished: Finished, snapshot: ExportedSnapshot) -> BackupError:
    words = words_of(finished, dump.source)
    what = f"pg_dump {dump.client.version} could not dump {dump.source.label}: {words}"
    advice = {
        **denied(snapshot.user()),
        r"could not obtain lock": (
            "another session locks that table, or this role is not allowed to read it; run the command again"
        ),
        r"worker process died": "a worker process was killed: check the limits (`ulimit -a`) and the memory",
        r"server version mismatch": "use pg_dump at least as new as the server",
        r"too many (connections|clients)|connection slots": f"the dump needs {dump.jobs + 4} free connections",
        r"snapshot .* does not exist|invalid snapshot": "connect directly, not through a pooler",
    }
    hint = next((hint for pattern, hint in advice.items() if re.search(pattern, words)), "")
    if full_disk(words):
        size = megabytes(snapshot.database_size())
        hint = f"free space in {dump.folder.parent.parent}: a dump usually takes 1/8 to 1/3 of the database's {size}"
    return BackupError(what, state=UNTOUCHED, hint=hint)
