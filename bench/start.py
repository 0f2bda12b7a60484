"""Measures what a run costs that has nothing to do, compared with `import psycopg`; prints medians and ratios.

    python -m bench.start [--count 100] [--rounds 7]

The commands take turns. The user and system time counts, because other processes on the machine change it less than the
elapsed time. The server is on this machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import server_for

from .histories import write_history

BARE, DRIVER = "python -c pass", "import psycopg"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="applied migrations")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, LocalServer(server_for()) as server:
        write_history(Path(folder), options.count)
        environ = {**os.environ, "BENCH_DATABASE_URL": server.create_database("bench").url}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
        commands = _commands(folder)
        for command in (commands["apply"], *commands.values()):
            _seconds(command, environ)
        rounds = [{name: _seconds(each, environ) for name, each in commands.items()} for _ in range(options.rounds)]
    medians = {name: statistics.median(each[name] for each in rounds) for name in commands}
    print(f"{options.count} applied migrations, CPU time, medians of {options.rounds} rounds")
    for name, seconds in medians.items():
        ratios = f"{seconds / medians[DRIVER]:5.2f} x {DRIVER}  {seconds / medians[BARE]:6.2f} x {BARE}"
        print(f"  {name:18} {seconds * 1000:6.0f} ms  {ratios}")


def _commands(root: str) -> dict[str, list[str]]:
    def ctgitops(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "ctgitops", *arguments]

    return {
        BARE: [sys.executable, "-c", "pass"],
        DRIVER: [sys.executable, "-c", DRIVER],
        "--version": ctgitops("--version"),
        "check": ctgitops("check", "--root", root),
        "status": ctgitops("status", "--root", root),
        "apply": ctgitops("apply", "--env", "bench", "--root", root),
        "plan --no-shadow": ctgitops("plan", "--no-shadow", "--root", root),
    }


def _seconds(command: list[str], environ: dict[str, str]) -> float:
    """The user and system time of a command. `check` ends with 1, because lint has findings."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)
    if done.returncode not in {0, 1}:
        raise SystemExit(f"{command} failed: {done.stderr or done.stdout}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
