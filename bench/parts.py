"""Measures the parts of a plan against their goals: a throw-away server, a copy of a schema, a snapshot, lint."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from bench.histories import write_history
from bench.snapshot import bare
from ctgitops.core.schema.compare import compare
from ctgitops.core.schema.snapshot import Snapshot
from ctgitops.lint.run import Linter
from ctgitops.postgres.catalog.schema_snapshot import take_snapshot
from ctgitops.postgres.catalog.source_database import original_at
from ctgitops.postgres.connection.connect import Address, connect
from ctgitops.postgres.server.data_directory import memory
from ctgitops.postgres.server.limits import Limits
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.os_account import unprivileged
from ctgitops.postgres.server.programs import Programs
from ctgitops.postgres.shadow.provision import Provisioner
from ctgitops.postgres.shadow.sandbox_server import SandboxServer
from ctgitops.sql.script import Script

REPETITIONS = 5
FILES = 1000


def in_turn(rows: dict[str, Callable[[], object]]) -> dict[str, tuple[float, float]]:
    """Median and minimum seconds of each row. The rows take turns, so that a slow moment of the machine affects all."""
    taken: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(REPETITIONS):
        for name, work in rows.items():
            began = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - began)
    return {name: (statistics.median(times), min(times)) for name, times in taken.items()}


def line(name: str, times: tuple[float, float], goal: str = "") -> None:
    """One row of the table."""
    print(f"  {name:44} {times[0]:8.3f} s  ({times[1]:.3f})  {goal and f'goal {goal}'}".rstrip())


def ratio(name: str, ours: tuple[float, float], beside: tuple[float, float], goal: str) -> None:
    """One row with the ratio of two times."""
    print(f"  {name:44} {ours[0] / beside[0]:8.2f}    ({ours[1] / beside[1]:.2f})   goal {goal}")


def starts(programs: Programs) -> None:
    """Starts and stops a throw-away server whose data directory is cached."""

    def started(base: Path | None) -> None:
        with LocalServer(programs, base=base) as server, connect(server.address(), "bench"):
            pass

    started(None)
    rows: dict[str, Callable[[], object]] = {"a shadow server, on disk": lambda: started(None)}
    goals = {"a shadow server, on disk": "1", "a shadow server, in memory": "0.15"}
    if base := memory(programs, unprivileged()):
        rows["a shadow server, in memory"] = lambda: started(base)
    for name, times in in_turn(rows).items():
        line(name, times, goals[name])


def seeds(programs: Programs, address: Address) -> None:
    """Copies a schema to a throw-away server, compared with `pg_dump -s | psql`."""
    turns = iter(range(10 * REPETITIONS))
    server = SandboxServer(programs, settings=Limits().settings(), base=memory(programs, unprivileged()))
    with server:
        read = original_at(address)
        Provisioner(server, read, []).roles()

        def empty() -> str:
            name = f"seeded_{next(turns)}"
            Provisioner(server, read, []).database(name)
            return name

        def seeded() -> None:
            name, notes = empty(), list[str]()
            Provisioner(server, original_at(address), notes).schema(name)
            if notes:
                raise SystemExit("; ".join(notes))

        def piped() -> None:
            dump = [programs.path("pg_dump"), "-s", "-d", address.url]
            command = [programs.path("psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-d", server.url(empty())]
            with subprocess.Popen(dump, stdout=subprocess.PIPE, env=programs.environment) as dumping:
                output = subprocess.DEVNULL
                subprocess.run(command, stdin=dumping.stdout, stdout=output, check=True, env=programs.environment)

        times = in_turn({"its schema copied": seeded, "pg_dump -s | psql": piped})
    for name, each in times.items():
        line(name, each)
    ours, beside = times.values()
    ratio("copied / pg_dump -s | psql", ours, beside, "1.5")


def snapshots(address: Address) -> None:
    """Measures a snapshot, compared with the bare catalog queries, and a comparison of two snapshots."""
    one, other = take_snapshot(address), take_snapshot(address)
    rows: dict[str, Callable[[], object]] = {
        "a snapshot": lambda: take_snapshot(address),
        "the bare catalog queries": lambda: bare(address),
        "compare of two": lambda: compare(Snapshot(one.objects), Snapshot(other.objects)),
    }
    times = in_turn(rows)
    for name, each in times.items():
        line(name, each, "0.3" if name == "compare of two" else "")
    ratio("snapshot / bare catalog queries", times["a snapshot"], times["the bare catalog queries"], "1.5")


def linted() -> None:
    """Lints FILES files in this process, and runs squawk on them if it is installed."""
    with tempfile.TemporaryDirectory() as folder:
        files = write_history(Path(folder), FILES)

        def lint() -> None:
            linter = Linter(today=date(2026, 1, 1))
            for path in files:
                linter.file(Script(path.read_text(encoding="utf-8"), path.name))

        rows: dict[str, Callable[[], object]] = {f"{FILES:,} files linted": lint}
        if squawk := shutil.which("squawk"):
            command = [squawk, *map(str, files)]
            rows["squawk, the same files"] = lambda: subprocess.run(command, check=False, capture_output=True)
        for name, times in in_turn(rows).items():
            line(name, times, "" if "squawk" in name else "1")
