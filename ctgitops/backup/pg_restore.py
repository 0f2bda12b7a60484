"""Runs pg_restore into an empty database. Decides for each message of pg_restore whether data was lost.

`postgres/server/libpq_environment.py` passes the credentials to pg_restore in environment variables.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from ..errors import BackupError
from ..postgres.connection.connect import Address
from ..postgres.server.libpq_environment import environment_for, role_options
from ..postgres.server.programs import Programs
from ..postgres.server.watchdog import Watchdog
from .child_process import Finished, run
from .pg_dump import words_of

HARMLESS = (
    # A newer client disables timeouts that an older server does not have. For transaction_timeout, these are clients
    # from 17 on and servers up to 16
    re.compile(
        r'could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"\n'
        r"Command was: SET transaction_timeout = 0;\s*"
    ),
)
"""Patterns of complete error messages that do not mean a data loss. The comment before each pattern says why."""
# With --jobs, pg_restore may report more errors than it counts: it does not count errors at a session's start
COUNTED = re.compile(r"^pg_restore: warning: errors ignored on restore: (\d+)\s*\Z", re.MULTILINE)
FOREIGN_KEY = re.compile(r"\d+; \d+ (\d+) FK CONSTRAINT ")
"""Matches a line of the table of contents, and captures the OID of the foreign key in the source."""
MARKS = re.compile(r"^(pg_restore:|error:|warning:|while [A-Z ]+:$|from TOC entry .*$|\s)+", re.MULTILINE)


@dataclass(frozen=True)
class Restoration:
    """The source, target and options of a restore."""

    client: Programs
    target: Address
    database: str
    dump: Path
    jobs: int
    options: tuple[str, ...] = ()
    seconds: float | None = None
    """Maximum duration of each run of pg_restore, in seconds."""
    left_out: frozenset[str] = frozenset()
    """The OIDs of foreign keys that are not restored."""


@dataclass(frozen=True)
class RestoreMessages:
    """Messages of pg_restore, divided into harmless errors and data losses."""

    harmless: tuple[str, ...]
    losses: tuple[str, ...]


def pg_restore(restoration: Restoration, watchdog: Watchdog) -> RestoreMessages:
    """Restores into an empty database. Writes. Raises BackupError if pg_restore stops early, and OutOfTimeError."""
    listed = _listed(restoration)
    with _use_list(restoration, listed) as chosen:
        done = [_restored(restoration, (*part, *chosen), watchdog) for part in _parts(listed)]
    harmless = dict.fromkeys(line for each in done for line in each.harmless)
    return RestoreMessages(tuple(harmless), tuple(loss for each in done for loss in each.losses))


def _listed(restoration: Restoration) -> str:
    """The table of contents of the dump, which pg_restore prints."""
    command = [restoration.client.path("pg_restore"), "--list", str(restoration.dump)]
    environment = environment_for(restoration.client, restoration.target)
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, errors="replace", check=False
    ).stdout


def _parts(listed: str) -> tuple[tuple[str, ...], ...]:
    """The options of each run of pg_restore. There are two runs if the dump has NOT VALID constraints.

    The first of two runs restores the rows. A NOT VALID constraint of a domain depends on no table. In a single run,
    parallel jobs could therefore add the constraint before the rows that violate it.
    """
    if " CHECK CONSTRAINT " not in listed:
        return ((),)
    return (("--section=pre-data", "--section=data"), ("--section=post-data",))


@contextmanager
def _use_list(restoration: Restoration, listed: str) -> Iterator[tuple[str, ...]]:
    """The option that leaves out some foreign keys. Empty if no foreign key is left out."""
    if not restoration.left_out:
        yield ()
        return
    with NamedTemporaryFile("w", prefix="ctgitops-", suffix=".list", encoding="utf-8") as file:
        for line in listed.splitlines():
            found = FOREIGN_KEY.match(line)
            if found is None or found[1] not in restoration.left_out:
                file.write(f"{line}\n")
        file.flush()
        yield (f"--use-list={file.name}",)


def _restored(restoration: Restoration, part: tuple[str, ...], watchdog: Watchdog) -> RestoreMessages:
    quoted = restoration.database.replace("\\", "\\\\").replace("'", "\\'")
    command = [
        restoration.client.path("pg_restore"),
        f"--jobs={restoration.jobs}",
        "--no-password",
        *role_options(restoration.target),
        *restoration.options,
        *part,
        # libpq would parse a plain name that contains = or :// as a connection string
        f"--dbname=dbname='{quoted}'",
        str(restoration.dump),
    ]
    environment = environment_for(restoration.client, restoration.target, database=restoration.database)
    return judged(run(command, environment, watchdog, restoration.seconds), restoration)


def judged(finished: Finished, restoration: Restoration) -> RestoreMessages:
    """Classifies pg_restore's errors as harmless or data loss. Unknown and unreported errors count as loss."""
    said = restoration.target.hidden(finished.said)
    if finished.status == 0:
        return RestoreMessages(_lines(said), ())
    counted = COUNTED.search(said)
    if finished.status != 1 or counted is None:
        words = words_of(finished, restoration.target)
        raise BackupError(f"pg_restore {restoration.client.version} stopped: {words}")
    rest = COUNTED.sub("", said)
    harmless: list[str] = []
    for pattern in HARMLESS:
        harmless += pattern.findall(rest)
        rest = pattern.sub("", rest)
    # Jobs write at the same time: each message is whole, but their prefixes may be in any order
    losses = [loss for part in rest.split("pg_restore: error: ") if (loss := MARKS.sub("", part).strip())]
    if not losses and int(counted[1]) > len(harmless):
        losses = [f"pg_restore counted {counted[1]} errors and reported {len(harmless)}"]
    return RestoreMessages(_lines("\n".join(sorted({_joined(one) for one in harmless}))), tuple(map(_joined, losses)))


def _joined(words: str) -> str:
    return " ".join(words.split())


def _lines(said: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in said.splitlines() if line.strip())
