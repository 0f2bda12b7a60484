"""Applies 100 migrations over a link with a round trip of 20 ms, compared with psql and dbmate; counts the exchanges.

    python -m bench.roundtrips [--count 100] [--rounds 3] [--milliseconds 20] [--dbmate PROGRAM]

An exchange is counted whenever the client sends after the server has sent. Connecting counts as exchanges, and start-up
counts as time. psql reads one file with one transaction per migration. Without --dbmate, npm installs
`@dbmate/linux-x64`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import server_for
from tests.faults.proxy import Proxy

from .apply import REAL, psql_programs, psql_script
from .histories import write_history


@dataclass(frozen=True)
class Tool:
    """A tool's command, and the environment variable for the URL; without one, the URL is the last argument."""

    name: str
    command: tuple[str, ...]
    variable: str = ""
    query: str = ""
    """A query string to append to the URL."""


@dataclass(frozen=True)
class Measured:
    """The result of one run of one tool."""

    seconds: float
    exchanges: int
    connections: int


def main() -> None:
    """Measures and prints."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        files = write_history(root, options.count)
        tools = [
            Tool(
                "ctgitops",
                (sys.executable, "-m", "ctgitops", "apply", "--env", "bench", "--root", folder),
                "BENCH_DATABASE_URL",
            ),
            Tool("psql -f", _psql(psql_script(root / "all.sql", files))),
            Tool("dbmate", _dbmate(options.dbmate, root, files), "DATABASE_URL", "?sslmode=disable"),
        ]
        with LocalServer(server_for(), settings=REAL, listen="127.0.0.1") as server:
            link = _Link(server, options.milliseconds / 1000)
            rounds = [[link.measure(tool, number) for tool in tools] for number in range(options.rounds)]
    trip = f"{options.milliseconds} ms round trip"
    print(f"{options.count} migrations, {trip}, medians of {options.rounds} rounds")
    for tool, runs in zip(tools, zip(*rounds, strict=True), strict=True):
        seconds = statistics.median(run.seconds for run in runs)
        exchanges = statistics.median(run.exchanges for run in runs)
        each = f"{exchanges / options.count:5.2f} per migration"
        print(
            f"  {tool.name:10} {seconds:6.2f} s  {exchanges:5.0f} exchanges  {each}  {runs[0].connections} connections"
        )


class _Link:
    """A server behind a proxy that adds a round-trip time."""

    def __init__(self, server: LocalServer, round_trip: float) -> None:
        self._server = server
        self._round_trip = round_trip

    def measure(self, tool: Tool, number: int) -> Measured:
        """Measures one run on an empty database."""
        name = f"{tool.name.partition(' ')[0]}_{number}"
        straight = self._server.create_database(name).url
        parts = urlsplit(straight)
        with Proxy(str(parts.hostname), int(parts.port or 0), round_trip=self._round_trip) as proxy:
            url = proxy.url(straight) + tool.query
            environ = {**os.environ, **psql_programs().environment}
            command = [*tool.command, *([] if tool.variable else [url])]
            if tool.variable:
                environ[tool.variable] = url
            began = time.perf_counter()
            done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)
            seconds = time.perf_counter() - began
            if done.returncode:
                raise SystemExit(f"{tool.name} failed: {done.stderr or done.stdout}")
            return Measured(seconds, proxy.exchanges, proxy.connections)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--milliseconds", type=float, default=20)
    parser.add_argument("--dbmate", type=Path, help="the program; by default, npm installs it")
    return parser.parse_args()


def _psql(script: Path) -> tuple[str, ...]:
    return (psql_programs().path("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(script))


def _dbmate(program: Path | None, root: Path, files: list[Path]) -> tuple[str, ...]:
    folder = root / "dbmate"
    folder.mkdir()
    for file in files:
        (folder / file.name).write_text(f"-- migrate:up\n{file.read_text()}\n-- migrate:down\n")
    if program is None:
        subprocess.run(
            ["npm", "install", "--silent", "--no-save", "--prefix", str(root / "npm"), "@dbmate/linux-x64"], check=True
        )
        program = root / "npm/node_modules/@dbmate/linux-x64/bin/dbmate"
    return (str(program), "--migrations-dir", str(folder), "--no-dump-schema", "up")


if __name__ == "__main__":
    main()
