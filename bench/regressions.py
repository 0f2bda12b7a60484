"""Applies harmful and harmless migrations under a real pgbench load. Prints how many regressions were found.

python -m bench.regressions [--harmful 20] [--harmless 50] [--within 8] [--postgres BIN] [--without-extension]

Each run has a fresh database, four pgbench clients at a fixed rate, and one `ctgitops apply`. A harmful migration
drops an index, makes a plan flip, rewrites a hot table, or adds a slow trigger. A harmless one is an everyday change.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from ctgitops.postgres.connection.connect import connect
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import Programs, find_programs, programs_in, server_for

ROWS = 400_000
SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "all",
    "shared_buffers": "256MB",
    "wal_level": "replica",
    "autovacuum_naptime": "10s",
}
SCHEMA = f"""
create table customers (id int primary key, name text not null);
insert into customers select n, md5(n::text) from generate_series(1, 20000) n;
create table orders (id bigint generated always as identity primary key, customer int not null, amount numeric(10, 2)
    not null, note text not null, at timestamptz not null default now());
insert into orders (customer, amount, note)
    select 1 + n % 20000, n % 1000, md5(n::text) from generate_series(1, {ROWS}) n;
create index orders_customer on orders (customer);
create view order_list as select id, customer, at from orders;
create table events (id bigint generated always as identity primary key, kind int not null, body text);
vacuum analyze;
"""
LOAD = r"""
\set customer random(1, 20000)
\set id random(1, 400000)
select sum(amount) from orders where customer = :customer;
select count(*) from order_list where customer = :customer;
select name from customers where id = :customer;
update orders set amount = amount + 1 where id = :id;
insert into events (kind, body) values (:customer, 'x');
"""
HARMFUL = {
    "an index dropped": "drop index orders_customer;",
    "a plan flipped": "create or replace view order_list as select id, (customer + 0) as customer, at from orders;",
    "a hot table rewritten": "alter table orders alter amount type numeric(14, 4);",
    "a slow trigger": """create function slow() returns trigger language plpgsql as
        $$ begin perform count(*) from generate_series(1, 40000); return new; end $$;
        create trigger slow before insert on events for each row execute function slow();""",
}
HARMLESS = {
    "a column": "alter table orders add column paid_at timestamptz;",
    "an index, concurrently": "create index concurrently orders_at on orders (at);",
    "a table": "create table invoices (id bigint primary key, total numeric not null);",
    "a column with a default": "alter table customers add column active boolean not null default true;",
    "a view": "create view big_orders as select * from orders where amount > 900;",
    "a comment": "comment on table orders is 'What customers ordered';",
    "a constraint, not valid": "alter table orders add constraint positive check (amount >= 0) not valid;",
    "an unused index dropped": "drop index if exists events_kind;",
    "rows in a small table": "insert into customers values (20001, 'new'), (20002, 'newer');",
    "new statistics": "analyze orders;",
}


@dataclass(frozen=True)
class Result:
    """What the output of one apply says about the load."""

    what: str
    report: dict[str, Any]

    @property
    def kinds(self) -> list[str]:
        """The kinds of the regressions."""
        return [each["kind"] for each in self.report["findings"] if each["level"] == "regression"]


class Scene:
    """A server for migrations under load, with a template database."""

    def __init__(self, server: LocalServer, root: Path, *, extension: bool = True) -> None:
        self.server, self.root, self.extension, self._number = server, root, extension, 0
        self._template = server.create_database("template_of_load")
        with connect(self._template, "bench") as connection:
            for statement in SCHEMA.split(";"):
                connection.execute(statement.encode())
            if extension:
                connection.execute("create extension pg_stat_statements")

    def run(self, what: str, sql: str, within: int, more: str = "") -> Result:
        """Applies one migration under load."""
        self._number += 1
        name = f"load_{self._number}"
        self.administer(f"create database {name} template template_of_load")
        url = self.server.address(name).url
        root = self.write(name, sql, within, more)
        with self.load(url, name):
            done = self.apply(root, url)
        self.administer(f"drop database {name} with (force)")
        if done.returncode not in {0, 1}:
            raise SystemExit(f"{what}: {done.stdout}{done.stderr}")
        return Result(what, json.loads(done.stdout)["performance"])

    def administer(self, statement: str) -> None:
        """Runs one statement on the server."""
        with connect(self.server.address("postgres"), "bench") as connection:
            connection.execute(statement.encode())

    def write(self, name: str, sql: str, within: int, more: str = "") -> Path:
        """Writes a repository with one migration. Returns the repository's root."""
        root = self.root / name
        (root / "migrations").mkdir(parents=True)
        (root / "environments").mkdir()
        (root / "migrations/policy.yaml").write_text("header: optional\n")
        (root / "migrations/001_change.sql").write_text(f"{sql}\n")
        manifest = f"environment: bench\ndatabase: {{url: '${{BENCH_DATABASE_URL}}'}}\nshadow: none\n{more}"
        (root / "environments/bench.yaml").write_text(
            f"{manifest}performance: {{within: {within}s, before: 4s, on_regression: propose}}\n"
        )
        return root

    @contextmanager
    def load(self, url: str, name: str) -> Iterator[None]:
        """Runs pgbench until the end of the block. The block begins after the first transactions."""
        script = self.root / "load.sql"
        script.write_text(LOAD)
        command = [pgbench(), "-n", "-c", "4", "-j", "1", "-T", "600", "-R", "100", "-f", str(script), url]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                self._until_busy(name)
                yield
            finally:
                process.terminate()

    def _until_busy(self, name: str) -> None:
        with connect(self.server.address(name), "bench") as connection:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                row = connection.execute(
                    "select n_tup_ins from pg_stat_user_tables where relname = 'events'"
                ).fetchone()
                if row and int(str(row[0])) > 100:
                    return
                time.sleep(0.2)
        raise SystemExit("pgbench does not run")

    @staticmethod
    def apply(root: Path, url: str) -> subprocess.CompletedProcess[str]:
        """Runs `ctgitops apply` once."""
        command = [sys.executable, "-m", "ctgitops", "apply", "--env", "bench", "--root", str(root), "--format", "json"]
        environ = {**os.environ, "BENCH_DATABASE_URL": url}
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def pgbench() -> str:
    """The path of pgbench. Raises SystemExit if pgbench is not installed."""
    found = next((path for p in find_programs() if Path(path := p.path("pgbench")).exists()), shutil.which("pgbench"))
    if found is None:
        raise SystemExit("there is no pgbench on this machine")
    return found


@contextmanager
def scene(programs: Programs, *, extension: bool = True) -> Iterator[Scene]:
    """Starts a server for the block. Yields the scene on this server."""
    settings = SETTINGS if extension else {k: v for k, v in SETTINGS.items() if not k.startswith(("shared_pre", "pg_"))}
    with tempfile.TemporaryDirectory() as folder, LocalServer(programs, settings=settings) as server:
        Path(folder).chmod(0o755)
        yield Scene(server, Path(folder), extension=extension)


def main() -> None:
    """Measures and prints."""
    options = _options()
    programs = programs_in(options.postgres) if options.postgres else server_for()
    if programs is None:
        raise SystemExit(f"{options.postgres} has no PostgreSQL programs")
    with scene(programs, extension=not options.without_extension) as on:
        harmful = list(_runs(on, HARMFUL, options.harmful, options.within))
        harmless = list(_runs(on, HARMLESS, options.harmless, options.within))
    found = sum(bool(each.kinds) for each in harmful)
    false = sum(bool(each.kinds) for each in harmless)
    how = "without pg_stat_statements" if options.without_extension else "with pg_stat_statements"
    print(f"PostgreSQL {programs.version}, {how}, pgbench at 100 transactions a second, within {options.within} s")
    print(f"  regressions found  {found} of {len(harmful)}")
    print(f"  false alarms       {false} of {len(harmless)}")


def _runs(on: Scene, migrations: dict[str, str], count: int, within: int) -> Iterator[Result]:
    for what, sql in islice(cycle(migrations.items()), count):
        result = on.run(what, sql, within)
        print(f"{what}: {', '.join(result.kinds) or result.report['state']}", flush=True)
        yield result


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--harmful", type=int, default=20)
    parser.add_argument("--harmless", type=int, default=50)
    parser.add_argument("--within", type=int, default=8, help="seconds after the migration")
    parser.add_argument("--postgres", type=Path, help="bin folder of the server to use")
    parser.add_argument("--without-extension", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
