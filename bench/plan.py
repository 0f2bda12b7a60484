"""Measures how long a plan of ten migrations takes on a target with many tables, from a cold start, and its parts.

`python -m bench.plan [TABLES]`, with squawk-cli for comparison if it is installed; `python -m bench.plan parts` for
the parts alone. Each line has the median, the minimum in brackets, and the goal on two cores.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from psycopg import sql

from bench import parts
from bench.snapshot import schema
from ctgitops.core.plan.plan import Direction, Step
from ctgitops.postgres.connection.connect import Address, connect
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import server_for
from ctgitops.postgres.shadow.trial import NoObserver, Observer, try_step
from ctgitops.postgres.trace.tracer import Tracer
from ctgitops.sql.script import Script

REPETITIONS = 5
STATEMENTS = 200
TABLES = 1000
"""The number of tables in the schema for the parts."""
MIGRATIONS = (
    "alter table t1 add column note text;",
    "alter table t2 add column made_by int not null default 0; create index on t2 (made_by);",
    "create table orders (id bigint primary key, t1 bigint references t1);",
    "alter table t3 alter column name type varchar(200);",
    "alter table t4 add constraint t4_name check (name <> '') not valid;",
    "alter table t4 validate constraint t4_name;",
    "create index concurrently t5_amount on t5 (amount);",
    "create view v_orders as select o.id, t1.name from orders o join t1 on t1.id = o.t1;",
    "create function total() returns bigint language sql as 'select count(*) from orders';",
    "alter table t6 alter column amount set not null;",
)


def repository(folder: Path) -> None:
    """Creates ten pending migrations with their rollbacks, for one environment."""
    (folder / "environments").mkdir()
    (folder / "migrations").mkdir()
    manifest = "environment: staging\ndatabase:\n  url: ${STAGING_DATABASE_URL}\n"
    (folder / "environments" / "staging.yaml").write_text(manifest)
    (folder / "migrations" / "policy.yaml").write_text("header: optional\n")
    for number, text in enumerate(MIGRATIONS, 1):
        (folder / "migrations" / f"{number:03}_bench.sql").write_text(text + "\n")


def plans(folder: Path, url: str) -> None:
    """Measures the command from the shell: cold, with a cached data directory, and without a trial."""
    environ = {**os.environ, "STAGING_DATABASE_URL": url, "CTGITOPS_CACHE": str(folder / "cache")}
    # Compiled once, as pip compiles an installed package
    environ = {**environ, "PYTHONPYCACHEPREFIX": str(folder / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}

    def plan(*arguments: str) -> None:
        command = [sys.executable, "-m", "ctgitops", "plan", "--env", "staging", "--root", str(folder), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environ)
        if done.returncode not in {0, 1} or not (arguments or "tried on a copy" in done.stdout):
            raise SystemExit(f"plan ended with {done.returncode}:\n{done.stdout}{done.stderr}")

    def cold() -> None:
        shutil.rmtree(folder / "cache", ignore_errors=True)
        plan()

    plan("--no-shadow")
    rows: dict[str, Callable[[], object]] = {
        "plan, tried, from cold": cold,
        "plan, tried": plan,
        "plan --no-shadow": lambda: plan("--no-shadow"),
    }
    if squawk := shutil.which("squawk"):
        files = [str(path) for path in sorted((folder / "migrations").glob("*.sql"))]
        rows["squawk, which runs nothing"] = lambda: subprocess.run([squawk, *files], check=False, capture_output=True)
    for name, times in parts.in_turn(rows).items():
        parts.line(name, times, "8" if name == "plan, tried, from cold" else "")


def _copy(server: LocalServer, name: str) -> Address:
    """Creates another database with the same schema."""
    with connect(server.address("postgres"), "bench") as connection:
        connection.execute(sql.SQL("create database {} template bench").format(sql.Identifier(name)))
    return server.address(name)


def _tried(address: Address, step: Step, *, watch: bool) -> float:
    """Seconds that a step takes."""
    with connect(address, "bench") as connection, Tracer(lambda: connect(address, "bench")) as tracer:
        observer: Observer = tracer if watch else NoObserver()
        began = time.perf_counter()
        try_step(connection, step, observer)
        return time.perf_counter() - began


def watched(server: LocalServer, tables: int) -> None:
    """Measures what the trace adds to a statement, on the schema for the parts."""
    for kind, statement in {
        "alter table": "alter table t{} add column c{} int;",
        "select": "select count(*) from t{} -- {}",
    }.items():
        text = "\n;".join(statement.rstrip(";").format(n % tables, n) for n in range(STATEMENTS))
        step = Step(Direction.APPLY, 1, "001_bench", None, "", Script(text + "\n;", "bench.sql"))
        turns = iter(range(2 * REPETITIONS))
        taken: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(REPETITIONS):
            for watch, times in taken.items():
                copy = _copy(server, f"{kind.split()[0]}_{next(turns)}")
                times.append(_tried(copy, step, watch=watch) * 1000 / STATEMENTS)
        plain, seen = taken.values()
        added, least = statistics.median(seen) - statistics.median(plain), min(seen) - min(plain)
        print(f"  {f'what the trace adds to {kind}':44} {added:8.2f} ms ({least:.2f})   goal 3")


def main() -> None:
    """Measures and prints."""
    arguments = sys.argv[1:]
    programs = server_for()
    with LocalServer(programs) as server, tempfile.TemporaryDirectory() as name:
        print(f"PostgreSQL {programs.version}: median (minimum)")
        if arguments != ["parts"]:
            tables = int(arguments[0]) if arguments else 300
            folder = Path(name)
            repository(folder)
            print(f"{tables} tables, {len(MIGRATIONS)} migrations")
            plans(folder, _made(server, "bench", tables).url)
            watched(server, tables)
        print(f"{TABLES} tables")
        large = _made(server, "large", TABLES)
        parts.starts(programs)
        parts.seeds(programs, large)
        parts.snapshots(large)
        parts.linted()


def _made(server: LocalServer, name: str, tables: int) -> Address:
    """Creates a database with `tables` tables."""
    address = server.create_database(name)
    with connect(address, "bench") as connection:
        connection.execute(schema(tables).encode())
        connection.execute("analyze")
    return address


if __name__ == "__main__":
    main()
