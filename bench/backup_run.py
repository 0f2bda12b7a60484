"""One backup or restore in a process of its own, for `bench.backups`; prints the seconds of its proof."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
import pyrage

from ctgitops.backup import take
from ctgitops.backup.backups import ProvedBackups
from ctgitops.backup.early_server import RESTORE_SETTINGS, EarlyServer
from ctgitops.backup.proof import Contents, ProofDatabase
from ctgitops.core.environment.backup_extent import BackupExtent
from ctgitops.core.environment.environment import BackupPolicy, BackupScope, Environment, StoreSettings
from ctgitops.core.run.progress import Progress
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.server.libpq_environment import environment_for
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import Programs, programs_in
from tests.backup.seaweed import bucket

JOBS = 2
PUBLIC = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
"""An example from age's manual."""


@dataclass(frozen=True)
class Job:
    """What is run: `whole`, `alone` (without its proof), `by hand`, or `restore` of what `by hand` dumped."""

    how: str
    source: str
    to: str
    endpoint: str
    client: str
    """The bin folder of pg_dump and pg_restore."""
    server: str
    """The bin folder of the server, also for the restore."""
    folder: str
    tables: tuple[str, ...] = ()
    """The affected tables, for the scope `affected`."""
    scope: BackupScope = BackupScope.DATABASE


def main() -> None:
    """Runs the job of the first argument."""
    job = Job(**json.loads(sys.argv[1]))
    how = {"whole": ours, "alone": without_proof, "by hand": by_hand, "restore": restored}[job.how]
    print(json.dumps(how(job)))


def ours(job: Job) -> float:
    """A backup as `ctgitops backup` takes it. Returns the seconds of its proof."""
    proof = [0.0]
    real = ProvedBackups.proof

    @contextmanager
    def timed(
        self: ProvedBackups, policy: BackupPolicy, source: Contents, early: EarlyServer
    ) -> Iterator[ProofDatabase]:
        began = time.perf_counter()
        with real(self, policy, source, early) as place:
            yield place
        proof[0] += time.perf_counter() - began

    ProvedBackups.proof = timed  # type: ignore[method-assign, assignment]
    settings = StoreSettings(endpoint=job.endpoint, region="us-east-1")
    policy = BackupPolicy(job.to, encrypt_to=(PUBLIC,), store=settings)
    extent = BackupExtent(BackupScope(job.scope), tuple(job.tables))
    backups = ProvedBackups(
        Path(job.folder),
        address_of=lambda _: Address(job.source, label="the source"),
        address_of_secret=lambda _: Address(job.source, label="the source"),
        settings_of=lambda _: settings,
    )
    backups.take(Environment("bench", "URL", backup=policy), _quiet, extent)
    return proof[0]


def without_proof(job: Job) -> float:
    """The same, where nothing is restored: dumped, counted, encrypted, uploaded, compared with the store, receipt."""

    @contextmanager
    def nothing(_self: ProvedBackups, *_: object) -> Iterator[ProofDatabase]:
        yield ProofDatabase(Address(job.source, label="the source"), "", "nothing", ())

    ProvedBackups.proof = nothing  # type: ignore[method-assign, assignment]
    EarlyServer.begin = lambda *_: None  # type: ignore[method-assign]
    take._prove = lambda *_: ()
    return ours(job)


def restored(job: Job) -> float:
    """The seconds of a new server and of `pg_restore -j2` of what `by hand` dumped."""
    client, server = _programs(job.client), _programs(job.server)
    began = time.perf_counter()
    with LocalServer(server, settings=RESTORE_SETTINGS) as copy:
        address = copy.create_database("copy")
        command = [client.path("pg_restore"), f"--jobs={JOBS}", "--no-password", "--dbname=copy"]
        command.append(str(Path(job.folder) / "by-hand"))
        subprocess.run(command, env=environment_for(client, address, database="copy"), check=True)
    return time.perf_counter() - began


def _programs(folder: str) -> Programs:
    programs = programs_in(Path(folder))
    if programs is None:
        raise SystemExit(f"{folder} has no PostgreSQL programs")
    return programs


def by_hand(job: Job) -> float:
    """`pg_dump -Fd -j2`, then two processes that encrypt and upload its files."""
    client, folder = _programs(job.client), Path(job.folder) / "by-hand"
    command = [client.path("pg_dump"), "--format=directory", f"--jobs={JOBS}", client.compress_option]
    command += ["--no-password", f"--file={folder}"]
    subprocess.run(command, env=environment_for(client, Address(job.source, label="the source")), check=True)
    with ProcessPoolExecutor(JOBS) as pool:
        list(pool.map(_encrypted_and_uploaded, [(job, path) for path in sorted(folder.iterdir())]))
    return 0.0


def _encrypted_and_uploaded(work: tuple[Job, Path]) -> None:
    job, path = work
    encrypted = path.with_name(f"{path.name}.age")
    pyrage.encrypt_file(str(path), str(encrypted), [pyrage.x25519.Recipient.from_str(PUBLIC)])
    name, _, prefix = job.to.removeprefix("s3://").partition("/")
    obstore.put(bucket(job.endpoint, name), f"{prefix}/{encrypted.name}", encrypted)
    encrypted.unlink()


def _quiet(_progress: Progress) -> Any:
    return None


if __name__ == "__main__":
    main()
