"""Applies 1,000 small migrations, compared with psql with one transaction per file; prints medians and their ratio.

python -m bench.apply [--count 1000] [--rounds 5] [--postgres BIN]

Both write a ledger row in each transaction. psql uses a single session, which is the fastest way without a tool. The
server waits for its disk (fsync is on), as a production server does. The start-up time of each program counts.
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

from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import Programs, find_programs, programs_in, server_for

from .histories import write_history

REAL = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "wal_level": "replica"}


def main() -> None:
    """Measures and prints."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        files = write_history(root, options.count)
        script = psql_script(root / "all.sql", files)
        programs = programs_in(options.postgres) if options.postgres else server_for()
        if programs is None:
            raise SystemExit(f"{options.postgres} has no PostgreSQL programs")
        with LocalServer(programs, settings=REAL) as server:
            rounds = [_round(server, number, root, script) for number in range(options.rounds + 1)][1:]
    psql, ours, idle = (statistics.median(times) for times in zip(*rounds, strict=True))
    ratios = [o / p for p, o, _ in rounds]
    print(
        f"{options.count} migrations, PostgreSQL {programs.version}, fsync on, {options.rounds} rounds after a warm-up"
    )
    print(f"  psql, one session, one transaction per file {psql:6.2f} s")
    print(f"  ctgitops apply                              {ours:6.2f} s")
    print(f"  ctgitops apply, nothing to do               {idle:6.2f} s")
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"  ctgitops / psql: median of pairs {statistics.median(ratios):.2f} ({spread})")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--postgres", type=Path, help="bin folder of the server to use")
    return parser.parse_args()


def psql_script(path: Path, files: list[Path]) -> Path:
    """Writes one file for psql, with a transaction and a ledger row per migration."""
    ledger = "create table ledger (id serial primary key, name text not null, at timestamptz not null default now());"
    each = (f"begin;\n{f.read_text()}\ninsert into ledger (name) values ('{f.name}');\ncommit;" for f in files)
    path.write_text("\n".join((ledger, *each)))
    return path


def _round(server: LocalServer, number: int, root: Path, script: Path) -> tuple[float, float, float]:
    theirs = server.create_database(f"psql_{number}").url
    ours = server.create_database(f"ours_{number}").url
    psql = [psql_programs().path("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(script), theirs]
    apply = [sys.executable, "-m", "ctgitops", "apply", "--env", "bench", "--root", str(root)]
    environ = {**os.environ, "BENCH_DATABASE_URL": ours}
    return _timed(psql, {**os.environ, **psql_programs().environment}), _timed(apply, environ), _timed(apply, environ)


def psql_programs() -> Programs:
    """An installation that includes psql."""
    return next(p for p in find_programs() if Path(p.path("psql")).exists())


def _timed(command: list[str], environ: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
