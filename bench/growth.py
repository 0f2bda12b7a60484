"""Measures how the cost of plan, drift and the comment grows with the schema and with the pending migrations.

`python -m bench.growth [--tables 300,3000] [--pending 1,10,100,300] [--repetitions 3]`. Each line has the median of
seconds, of CPU seconds of the tool without the server, and of peak memory. A slope is that of logarithms: 1 is linear.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.snapshot import schema
from ctgitops.postgres.connection.connect import Address, connect
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import server_for

KINDS: tuple[tuple[str, str], ...] = (
    ("alter table t{n} add column note{n} text;", "alter table t{n} drop column note{n};"),
    ("create table orders{n} (id bigint primary key, t1 bigint references t1);", "drop table orders{n};"),
    ("create index growth{n} on t{n} (amount);", "drop index growth{n};"),
    ("create function g{n}() returns bigint language sql as 'select count(*) from t{n}';", "drop function g{n}();"),
    ("create view w{n} as select id, name from t{n};", "drop view w{n};"),
)
"""The pending migrations, in turn, each with its rollback. `{n}` is the number of a table."""
GOAL_SLOPE = "1.1"


@dataclass(frozen=True)
class Cost:
    """What one run took: seconds, CPU seconds of the tool, and its peak memory in bytes."""

    seconds: float
    cpu: float
    memory: float


def repository(folder: Path, pending: int, tables: int, *, rollbacks: bool) -> Path:
    """Creates `pending` migrations for one environment, with or without their rollbacks."""
    (folder / "environments").mkdir(parents=True)
    (folder / "migrations").mkdir()
    manifest = "environment: staging\ndatabase:\n  url: ${STAGING_DATABASE_URL}\n"
    (folder / "environments" / "staging.yaml").write_text(manifest)
    (folder / "migrations" / "policy.yaml").write_text("header: optional\n")
    for number in range(1, pending + 1):
        up, down = (text.replace("{n}", str(number % tables)) for text in KINDS[number % len(KINDS)])
        (folder / "migrations" / f"{number:03}_growth.sql").write_text(up + "\n")
        if rollbacks:
            (folder / "migrations" / f"{number:03}_growth.down.sql").write_text(down + "\n")
    return folder


def cost(arguments: list[str], folder: Path, url: str) -> Cost:
    """Runs one command of ctgitops. The command may end with findings."""
    environ = {**os.environ, "STAGING_DATABASE_URL": url, "CTGITOPS_CACHE": str(folder.parent / "cache")}
    command = [sys.executable, "-m", "ctgitops", *arguments, "--env", "staging", "--root", str(folder)]
    # wait4 returns the use of this one process, without that of its server
    began = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in {0, 1}:
            output.seek(0)
            raise SystemExit(f"{arguments[0]} ended with {process.returncode}:\n{output.read().decode()[-2000:]}")
    return Cost(time.perf_counter() - began, _own_cpu(used), used.ru_maxrss * 1024)


def _own_cpu(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime


def measured(run: Callable[[], Cost], repetitions: int) -> Cost:
    """The median of each cost."""
    costs = [run() for _ in range(repetitions)]
    return Cost(*(statistics.median(each) for each in zip(*((c.seconds, c.cpu, c.memory) for c in costs), strict=True)))


def line(name: str, found: Cost) -> None:
    """Prints one row."""
    print(f"  {name:56} {found.seconds:8.2f} s  {found.cpu:7.2f} s CPU  {found.memory / 2**20:5.0f} MB", flush=True)


def slope(name: str, sizes: list[int], costs: list[Cost]) -> None:
    """Prints the slope between the two largest sizes, where the constant part matters least."""
    if len(sizes) > 1:
        ratio = math.log(costs[-1].seconds / costs[-2].seconds) / math.log(sizes[-1] / sizes[-2])
        print(f"  {f'slope of {name}':56} {ratio:8.2f}    goal {GOAL_SLOPE}", flush=True)


def plans(folder: Path, address: Address, tables: int, sizes: list[int], repetitions: int) -> None:
    """Measures plans without a trial, with one, and with rollbacks, for each number of pending migrations."""
    rows: dict[str, tuple[bool, list[str]]] = {
        "plan --no-shadow": (True, ["plan", "--no-shadow"]),
        "the comment": (True, ["plan", "--no-shadow", "--format", "markdown"]),
        "plan": (False, ["plan"]),
        "plan, each with a rollback": (True, ["plan"]),
    }
    found: dict[str, list[Cost]] = {name: [] for name in rows}
    for pending in sizes:
        for name, (rollbacks, arguments) in rows.items():
            where = folder / f"{tables}_{pending}_{rollbacks}"
            where = where if where.exists() else repository(where, pending, tables, rollbacks=rollbacks)
            each = measured(lambda w=where, a=arguments: cost(a, w, address.url), repetitions)  # type: ignore[misc]
            found[name].append(each)
            line(f"{name}, {tables:,} tables, {pending:,} pending", each)
        ratio = found["plan, each with a rollback"][-1].seconds / found["plan"][-1].seconds
        print(f"  {'with rollbacks / without':56} {ratio:8.2f}    goal 3", flush=True)
    for name, costs in found.items():
        slope(f"{name}, {tables:,} tables, by pending", sizes, costs)


def drifts(folder: Path, server: LocalServer, sizes: list[int], repetitions: int) -> None:
    """Measures drift of schemas that the migrations created."""
    costs = []
    for tables in sizes:
        where = repository(folder / f"drift_{tables}", 0, tables, rollbacks=False)
        parts = schema(tables).removeprefix("begin;").removesuffix("commit;").split("commit; begin;")
        for number, text in enumerate(parts, 1):
            (where / "migrations" / f"{number:03}_growth.sql").write_text(text)
        address = server.create_database(f"drift_{tables}")
        cost(["apply"], where, address.url)
        costs.append(measured(lambda w=where, u=address.url: cost(["drift"], w, u), repetitions))  # type: ignore[misc]
        line(f"drift, {tables:,} tables", costs[-1])
    slope("drift, by tables", sizes, costs)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth")
    parser.add_argument("--tables", default="300,3000")
    parser.add_argument("--pending", default="1,10,100,300")
    parser.add_argument("--repetitions", type=int, default=3)
    asked = parser.parse_args()
    tables, pending = ([int(each) for each in text.split(",")] for text in (asked.tables, asked.pending))
    with LocalServer(server_for(), settings={"autovacuum": "off"}) as server, tempfile.TemporaryDirectory() as name:
        for count in tables:
            address = server.create_database(f"growth_{count}")
            with connect(address, "bench") as connection:
                connection.execute(schema(count).encode())
                connection.execute("analyze")
            plans(Path(name), address, count, pending, asked.repetitions)
        drifts(Path(name), server, tables, asked.repetitions)


if __name__ == "__main__":
    main()
