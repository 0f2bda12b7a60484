"""How long a plan of ten migrations takes on a target of many tables, from cold; and what watching a statement costs.

`python -m bench.plan [TABLES]`; with squawk-cli beside it, where that is installed.
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

from bench.snapshot import schema
from ctgitops.core.plan import Direction, Step
from ctgitops.postgres.connect import Address, connect
from ctgitops.postgres.programs import server_for
from ctgitops.postgres.server import LocalServer
from ctgitops.postgres.trace import Tracer
from ctgitops.postgres.trial import Observer, Unwatched, try_step
from ctgitops.sql.script import Script

REPETITIONS = 5
STATEMENTS = 200
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
    """Ten pending migrations with their rollbacks, for one environment."""
    (folder / "environments").mkdir()
    (folder / "migrations").mkdir()
    manifest = "environment: staging\ndatabase:\n  url: ${STAGING_DATABASE_URL}\n"
    (folder / "environments" / "staging.yaml").write_text(manifest)
    (folder / "migrations" / "policy.yaml").write_text("header: optional\n")
    for number, text in enumerate(MIGRATIONS, 1):
        (folder / "migrations" / f"{number:03}_bench.sql").write_text(text + "\n")


def timed(work: Callable[[], object], repetitions: int = REPETITIONS) -> str:
    """Median, and least, of some repetitions."""
    taken = []
    for _ in range(repetitions):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return f"{statistics.median(taken):8.2f} s  ({min(taken):.2f})"


def plans(folder: Path, url: str) -> None:
    """The command as a person runs it: cold, then with the throw-away server's data directory made; and untried."""
    environ = {**os.environ, "STAGING_DATABASE_URL": url, "CTGITOPS_CACHE": str(folder / "cache")}

    def plan(*arguments: str) -> None:
        command = [sys.executable, "-m", "ctgitops", "plan", "--env", "staging", "--root", str(folder), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environ)
        if done.returncode not in {0, 1} or not (arguments or "tried on a copy" in done.stdout):
            raise SystemExit(f"plan ended with {done.returncode}:\n{done.stdout}{done.stderr}")

    def cold() -> None:
        shutil.rmtree(folder / "cache", ignore_errors=True)
        plan()

    print(f"  plan, tried, from cold      {timed(cold)}")
    print(f"  plan, tried                 {timed(plan)}")
    print(f"  plan --no-shadow            {timed(lambda: plan('--no-shadow'))}")


def _copy(server: LocalServer, name: str) -> Address:
    """Another database of the same schema."""
    with connect(server.address("postgres"), "bench") as connection:
        connection.execute(sql.SQL("create database {} template bench").format(sql.Identifier(name)))
    return server.address(name)


def _tried(address: Address, step: Step, *, watch: bool) -> float:
    """Seconds that a step takes."""
    with connect(address, "bench") as connection, Tracer(lambda: connect(address, "bench")) as tracer:
        observer: Observer = tracer if watch else Unwatched()
        began = time.perf_counter()
        try_step(connection, step, observer)
        return time.perf_counter() - began


def watched(server: LocalServer, tables: int) -> None:
    """What the trace adds to a statement, on a schema of so many tables."""
    for kind, statement in {
        "alter table": "alter table t{} add column c{} int;",
        "select": "select count(*) from t{} -- {}",
    }.items():
        text = "\n;".join(statement.rstrip(";").format(n % tables, n) for n in range(STATEMENTS))
        step = Step(Direction.APPLY, 1, "001_bench", None, "", Script(text + "\n;", "bench.sql"))
        taken: dict[str, list[float]] = {"": [], "watched": []}
        for turn in range(REPETITIONS):
            for name, times in taken.items():
                times.append(_tried(_copy(server, f"{kind.split()[0]}_{name}{turn}"), step, watch=bool(name)))
        plain, seen = (statistics.median(times) * 1000 / STATEMENTS for times in taken.values())
        print(f"  {kind:12} {plain:.2f} ms a statement, watched {seen:.2f}: the trace adds {seen - plain:.2f} ms")


def main() -> None:
    """Prints them."""
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    programs = server_for()
    with LocalServer(programs) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository(folder)
        address = server.create_database("bench")
        with connect(address, "bench") as connection:
            connection.execute(schema(tables).encode())
            connection.execute("analyze")
        print(f"PostgreSQL {programs.version}, {tables} tables, {len(MIGRATIONS)} migrations: median (least)")
        plans(folder, address.url)
        if squawk := shutil.which("squawk"):
            files = [str(path) for path in sorted((folder / "migrations").glob("*.sql"))]
            beside = timed(lambda: subprocess.run([squawk, *files], check=False, capture_output=True))
            print(f"  squawk, which runs nothing  {beside}")
        watched(server, tables)


if __name__ == "__main__":
    main()
