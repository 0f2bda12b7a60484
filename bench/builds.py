"""Applies a migration with an index on each of two tables, with `parallel: 1` and with `parallel: 2`; prints the ratio.

python -m bench.builds [--rows 1000000] [--rounds 3] [--workers 0] [--postgres BIN]

The runs alternate, each on a copy of the same database. `--workers` is max_parallel_maintenance_workers: a build with
parallel workers already uses several cores. The server waits for its disk, as a production server does.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ctgitops.postgres.connection.connect import connect
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import programs_in, server_for

from .apply import REAL

TABLE = "create table {name} as select md5(n::text) word, n from generate_series(1, {rows}) n"
INDEXES = "create index concurrently a_word on a (word);\ncreate index concurrently b_word on b (word);\n"


def main() -> None:
    """Measures and prints."""
    options = _options()
    programs = programs_in(options.postgres) if options.postgres else server_for()
    if programs is None:
        raise SystemExit(f"{options.postgres} has no PostgreSQL programs")
    settings = {**REAL, "max_parallel_maintenance_workers": str(options.workers), "max_wal_size": "4GB"}
    with tempfile.TemporaryDirectory() as folder, LocalServer(programs, settings=settings) as server:
        root = Path(folder)
        (root / "migrations").mkdir()
        (root / "environments").mkdir()
        (root / "migrations" / "policy.yaml").write_text("header: optional\n")
        (root / "migrations" / "001_indexes.sql").write_text(INDEXES)
        _fill(server, options.rows)
        rounds = [
            tuple(_applied(server, root, f"{number}_{parallel}", parallel) for parallel in (1, 2))
            for number in range(options.rounds)
        ]
    one, two = (statistics.median(times) for times in zip(*rounds, strict=True))
    ratios = [b / a for a, b in rounds]
    cores = os.cpu_count()
    print(
        f"2 indexes on tables of {options.rows:,} rows, PostgreSQL {programs.version}, {cores} cores, "
        f"{options.workers} parallel workers each, {options.rounds} rounds"
    )
    print(f"  parallel: 1  {one:6.2f} s")
    print(f"  parallel: 2  {two:6.2f} s")
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"  parallel / serial: median of pairs {statistics.median(ratios):.2f} ({spread})")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--postgres", type=Path, help="bin folder of the server to use")
    return parser.parse_args()


def _fill(server: LocalServer, rows: int) -> None:
    with connect(server.create_database("filled"), "bench") as connection:
        for name in ("a", "b"):
            connection.execute(TABLE.format(name=name, rows=rows).encode())
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def _applied(server: LocalServer, root: Path, name: str, parallel: int) -> float:
    """The seconds that one apply takes on a new copy."""
    with connect(server.address(), "bench") as connection:
        connection.execute(f"create database copy_{name} template filled".encode())
    url = server.address(f"copy_{name}").url
    manifest = f"environment: bench\ndatabase: {{url: '${{BENCH_DATABASE_URL}}'}}\nshadow: none\nparallel: {parallel}\n"
    (root / "environments" / "bench.yaml").write_text(manifest)
    environ = {**os.environ, "BENCH_DATABASE_URL": url}
    command = [sys.executable, "-m", "ctgitops", "apply", "--env", "bench", "--root", str(root)]
    clock = time.monotonic()
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.monotonic() - clock


if __name__ == "__main__":
    main()
