"""Measures how long an application waits when an ALTER TABLE meets a long reader on a busy table.

    python -m bench.locks [--rate 200] [--reader 10] [--rounds 1] [--dbmate PROGRAM]

pgbench reads and writes at a fixed rate, and its latencies count from the moment when a transaction was scheduled. A
reader opens its transaction, the migration starts, and after `--reader` seconds the reader ends. One run measures this
for no migration, ctgitops, psql and dbmate, each on a database of its own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import find_programs, server_for

from .apply import REAL, psql_programs
from .roundtrips import _dbmate

ALTER = "alter table pgbench_accounts add column note text;\n"
BEFORE_SECONDS, READER_FIRST_SECONDS, AFTER_SECONDS = 3.0, 1.0, 4.0


@dataclass(frozen=True)
class Seen:
    """Latencies of the application in one run, in milliseconds."""

    p50: float
    p99: float
    longest: float
    landed: float
    """Seconds from the start to the end of the command."""


def main() -> None:
    """Measures and prints."""
    options = _options()
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalServer(server_for(), settings=REAL, listen="127.0.0.1") as server,
    ):
        root = Path(folder)
        root.chmod(0o755)
        tools = _tools(root, options.dbmate)
        rounds = [
            [_measure(server, root, f"{name}_{number}", start, options) for name, start in tools.items()]
            for number in range(options.rounds)
        ]
    print(f"{options.rate} transactions a second, a reader of {options.reader:g} s, medians of {options.rounds} rounds")
    seen = {name: _median(runs) for name, runs in zip(tools, zip(*rounds, strict=True), strict=True)}
    for name, one in seen.items():
        beside = one.landed / seen["psql"].landed
        print(
            f"  {name:10} p50 {one.p50:7.1f} ms  p99 {one.p99:8.1f} ms ({one.p99 / seen['none'].p99:7.2f}x)"
            f"  longest {one.longest:8.1f} ms  landed {one.landed:6.2f} s ({beside:.2f}x psql)"
        )


def _tools(root: Path, dbmate: Path | None) -> dict[str, Callable[[str], subprocess.Popen[bytes] | None]]:
    migrations = root / "migrations"
    migrations.mkdir()
    file = migrations / "001_note.sql"
    file.write_text(ALTER)
    (migrations / "policy.yaml").write_text("header: optional\n")
    (root / "environments").mkdir()
    (root / "environments" / "bench.yaml").write_text("environment: bench\ndatabase:\n  url: ${BENCH_DATABASE_URL}\n")
    psql = [str(psql_programs().path("psql")), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-1", "-f", str(file)]
    other = _dbmate(dbmate, root, [file])

    def started(command: list[str], **environ: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **psql_programs().environment, **environ}
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    apply = [sys.executable, "-m", "ctgitops", "apply", "--env", "bench", "--root", str(root)]
    return {
        "none": lambda _url: None,
        "ctgitops": lambda url: started(apply, BENCH_DATABASE_URL=url),
        "psql": lambda url: started([*psql, url]),
        "dbmate": lambda url: started(list(other), DATABASE_URL=f"{url}?sslmode=disable"),
    }


def _measure(
    server: LocalServer,
    root: Path,
    name: str,
    start: Callable[[str], subprocess.Popen[bytes] | None],
    options: argparse.Namespace,
) -> Seen:
    url = server.create_database(f"locks_{name}").url
    pgbench = _pgbench()
    subprocess.run([*pgbench, "-i", "-q", "-s", "10", url], check=True, capture_output=True)
    log = root / name
    seconds = round(BEFORE_SECONDS + options.reader + AFTER_SECONDS)
    at_rate = f"-n -c 8 -j 1 -R {options.rate} -T {seconds} -l --log-prefix {log}".split()
    load = subprocess.Popen([*pgbench, *at_rate, url], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(BEFORE_SECONDS - READER_FIRST_SECONDS)
    with psycopg.connect(url) as reader:
        reader.execute("select count(*) from pgbench_accounts where aid < 10")
        time.sleep(READER_FIRST_SECONDS)
        began = time.monotonic()
        process = start(url)
        time.sleep(options.reader)
    if process and process.wait():
        raise SystemExit(f"{name} failed: {process.stderr.read().decode() if process.stderr else ''}")
    landed = time.monotonic() - began
    if load.wait():
        raise SystemExit(f"pgbench failed: {load.stderr.read().decode() if load.stderr else ''}")
    return _seen(root, name, landed)


def _pgbench() -> list[str]:
    found = next(p for p in find_programs() if Path(p.path("pgbench")).exists())
    return [str(found.path("pgbench"))]


def _seen(root: Path, name: str, landed: float) -> Seen:
    lines = [line for log in root.glob(f"{name}.*") for line in log.read_text().splitlines()]
    latencies = sorted(int(line.split()[2]) / 1000 for line in lines)

    def at(share: float) -> float:
        return latencies[min(len(latencies) - 1, int(share * len(latencies)))]

    return Seen(at(0.5), at(0.99), latencies[-1], landed)


def _median(runs: tuple[Seen, ...]) -> Seen:
    columns = zip(*((run.p50, run.p99, run.longest, run.landed) for run in runs), strict=True)
    return Seen(*(statistics.median(values) for values in columns))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--reader", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--dbmate", type=Path, help="the program; by default, npm installs it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
