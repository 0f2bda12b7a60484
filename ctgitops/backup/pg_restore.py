"""Runs pg_restore into an empty database, and decides for each of its messages whether data was lost."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..errors import BackupError
from ..postgres.connection.connect import Address
from ..postgres.server.libpq_environment import environment_for
from ..postgres.server.programs import Programs
from ..postgres.server.watchdog import Watchdog
from .child_process import Finished, run
from .pg_dump import words_of

HARMLESS = (
    # Each newer client sets its session's newer limits to "none" before it begins; an older server has no such limit.
    # transaction_timeout: clients from 17 on, servers up to 16
    re.compile(
        r'could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"\n'
        r"Command was: SET transaction_timeout = 0;\s*"
    ),
)
"""Whole complaints, each with its reason, that take nothing away from what is restored."""
# With jobs, it may name more errors than it counts: what a job's session says on its beginning is not counted
COUNTED = re.compile(r"^pg_restore: warning: errors ignored on restore: (\d+)\s*\Z", re.MULTILINE)
MARKS = re.compile(r"^(pg_restore:|error:|warning:|while [A-Z ]+:$|from TOC entry .*$|\s)+", re.MULTILINE)


@dataclass(frozen=True)
class Restoration:
    """What is restored with what, and where to."""

    client: Programs
    target: Address
    database: str
    dump: Path
    jobs: int
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Complaints:
    """What pg_restore said, sorted."""

    harmless: tuple[str, ...]
    losses: tuple[str, ...]


def pg_restore(restoration: Restoration, watchdog: Watchdog) -> Complaints:
    """Restores into a database that has nothing in it yet. Writes. Raises BackupError where pg_restore gave up."""
    done = [_restored(restoration, part, watchdog) for part in _parts(restoration)]
    harmless = dict.fromkeys(line for each in done for line in each.harmless)
    return Complaints(tuple(harmless), tuple(loss for each in done for loss in each.losses))


def _parts(restoration: Restoration) -> tuple[tuple[str, ...], ...]:
    """The options of each run of pg_restore: one run, but for constraints that are NOT VALID.

    Those of a domain depend on no table, so that jobs may add them before the rows that break them are there.
    """
    command = [restoration.client.path("pg_restore"), "--list", str(restoration.dump)]
    environment = environment_for(restoration.client, restoration.target)
    listed = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
    if " CHECK CONSTRAINT " not in listed.stdout:
        return ((),)
    return (("--section=pre-data", "--section=data"), ("--section=post-data",))


def _restored(restoration: Restoration, part: tuple[str, ...], watchdog: Watchdog) -> Complaints:
    quoted = restoration.database.replace("\\", "\\\\").replace("'", "\\'")
    command = [
        restoration.client.path("pg_restore"),
        f"--jobs={restoration.jobs}",
        "--no-password",
        *restoration.options,
        *part,
        # A bare name with = or :// in it would be read as a URL
        f"--dbname=dbname='{quoted}'",
        str(restoration.dump),
    ]
    environment = environment_for(restoration.client, restoration.target, database=restoration.database)
    return judged(run(command, environment, watchdog), restoration)


def judged(finished: Finished, restoration: Restoration) -> Complaints:
    """Noise told from loss: what is not known word for word is loss, as is an error counted but not named."""
    said = restoration.target.hidden(finished.said)
    if finished.status == 0:
        return Complaints(_lines(said), ())
    counted = COUNTED.search(said)
    if finished.status != 1 or counted is None:
        words = words_of(finished, restoration.target)
        raise BackupError(f"pg_restore {restoration.client.version} gave up: {words}")
    rest = COUNTED.sub("", said)
    harmless: list[str] = []
    for pattern in HARMLESS:
        harmless += pattern.findall(rest)
        rest = pattern.sub("", rest)
    # Jobs write at once: a message comes whole, the words before it may come in any order
    losses = [loss for part in rest.split("pg_restore: error: ") if (loss := MARKS.sub("", part).strip())]
    if not losses and int(counted[1]) > len(harmless):
        losses = [f"pg_restore counted {counted[1]} errors and named {len(harmless)}"]
    return Complaints(_lines("\n".join(sorted({_joined(one) for one in harmless}))), tuple(map(_joined, losses)))


def _joined(words: str) -> str:
    return " ".join(words.split())


def _lines(said: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in said.splitlines() if line.strip())
