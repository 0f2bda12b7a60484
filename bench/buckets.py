"""Compares predictions with measurements of migrations on real tables: their duration, and the WAL that they write.

    python -m bench.buckets [--rows 10000 1000000] [--runs 3] [--major 15]

Each case is planned against a database with tables of that size, as `ctgitops plan` does, then run and rolled back. The
target is a server with the settings of a production server: WAL for replicas, synchronous commits, files on disk.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from ctgitops.core.impact.projection import Bucket, bucket_of
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import server_for

SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_level": "replica",
    "max_wal_size": "4GB",
    "shared_buffers": "512MB",
    "autovacuum": "off",
}
TABLES = """
create table small (id int primary key, note text);
create table customers (id int primary key, name text);
create table orders (id bigint primary key, customer_id int, status text, amount numeric, note text, extra text);
insert into customers select g, 'customer ' || g from generate_series(0, {rows} / 10) g;
insert into orders select g, g % ({rows} / 10), (array['new', 'paid', 'sent', 'done'])[g % 4 + 1], g * 1.5,
    md5(g::text), case when g % 10 = 0 then 'x' end from generate_series(1, {rows}) g;
create index on orders (customer_id);
create index on orders (status);
vacuum analyze
"""
LOCK = "alter table small add column added int;\n"
CASES = {
    "update all": LOCK + "update orders set note = 'x';",
    "update, indexed column": LOCK + "update orders set customer_id = customer_id + 1;",
    "update where null": LOCK + "update orders set extra = 'y' where extra is null;",
    "update one customer": LOCK + "update orders set note = 'y' where customer_id = 7;",
    "update by key": LOCK + "update orders set note = 'y' where id = 7;",
    "update from": LOCK + "update orders o set note = c.name from customers c where c.id = o.customer_id;",
    "delete all": LOCK + "delete from orders;",
    "delete one status": LOCK + "delete from orders where status = 'new';",
    "insert select": LOCK + "insert into small (id) select id from orders;",
    "create table as": LOCK + "create table copied as select * from orders;",
    "create table as, index": LOCK + "create table copied as select * from orders; create index on copied (note);",
    "materialized view": LOCK + "create materialized view m as select customer_id, sum(amount) from orders group by 1;",
    "count in a block": LOCK + "do $$ begin perform count(*) from orders; end $$;",
    "update in a block": LOCK + "do $$ begin update orders set note = 'z'; end $$;",
    "select distinct": LOCK + "select count(distinct note) from orders;",
    "self join": LOCK + "select count(*) from orders a join orders b on a.note = b.note;",
    "window": LOCK
    + "create table w as select id, row_number() over (partition by customer_id order by id) from orders;",
    "add column and backfill": "alter table orders add flag bool; update orders set flag = false where flag is null;",
    "create index": "create index on orders (note);",
    "set not null": "alter table orders alter amount set not null;",
    "check": "alter table orders add check (amount > 0);",
    "foreign key": "alter table orders add foreign key (customer_id) references customers;",
    "type change": "alter table orders alter customer_id type bigint;",
    "volatile default": "alter table orders add column at timestamptz default clock_timestamp();",
    "unique": "alter table orders add unique (note);",
    "add column": "alter table orders add column plain int;",
    "drop column": "alter table orders drop column note;",
}


@dataclass(frozen=True)
class Compared:
    """One case: the duration buckets that the plan predicts, and the measured seconds."""

    name: str
    predicted: tuple[str | None, str | None]
    seconds: float
    wal: tuple[float, float] | None
    """Predicted and written bytes of WAL; None if the plan predicts none."""

    @property
    def verdict(self) -> str:
        """`right`, `too fast` (the migration took longer than predicted), `too slow`, or `unknown`."""
        _, most = self.predicted
        if most is None:
            return "unknown"
        real = str(bucket_of(self.seconds))
        if real in self.predicted:
            return "right"
        words = [str(each) for each in Bucket]
        return "too fast" if words.index(real) > words.index(most) else "too slow"


def main() -> None:
    """Runs all cases, and prints the comparison."""
    options = _options()
    found = []
    with LocalServer(server_for(options.major), settings=SETTINGS) as server:
        for rows in options.rows:
            url = server.create_database(f"bench_{rows}").url
            with psycopg.connect(url, autocommit=True) as connection:
                for statement in TABLES.format(rows=rows).split(";\n"):
                    connection.execute(statement.encode())
            print(f"{rows:,} rows, PostgreSQL {server.major}, medians of {options.runs} runs")
            for compared in _compared(url, options):
                found.append(compared)
                print(_line(compared), flush=True)
    count = {word: sum(each.verdict == word for each in found) for word in ("right", "too fast", "too slow", "unknown")}
    print(f"of {len(found)}: " + ", ".join(f"{number} {word}" for word, number in count.items()))


def _line(each: Compared) -> str:
    least, most = each.predicted
    said = "time not known" if most is None else most if least is None else f"{least} to {most}"
    wal = f"  WAL {each.wal[0] / 1e6:,.0f} MB predicted, {each.wal[1] / 1e6:,.0f} MB written" if each.wal else ""
    return f"  {each.name:26} {said:26} {each.seconds:8.2f} s  {each.verdict}{wal}"


def _compared(url: str, options: argparse.Namespace) -> Iterator[Compared]:
    for name, sql in CASES.items():
        if options.only and options.only not in name:
            continue
        step = _planned(url, sql)
        wait = step["waits"][0] if step["waits"] else {"from": None, "for": "instant"}
        runs = [_ran(url, sql) for _ in range(options.runs)]
        wal = [each["wal_bytes"] for each in step["changes"] if each["wal_bytes"]]
        pair = (sum(map(float, wal)), statistics.median(written for _, written in runs)) if wal else None
        yield Compared(name, (wait["from"], wait["for"]), statistics.median(took for took, _ in runs), pair)


def _planned(url: str, sql: str) -> dict[str, list[dict[str, str | None]]]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path, text in (
            ("migrations/policy.yaml", "header: optional\n"),
            ("environments/bench.yaml", "environment: bench\ndatabase: {url: '${BENCH_DATABASE_URL}'}\n"),
            ("migrations/001_case.sql", sql + "\n"),
        ):
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).write_text(text)
        command = [sys.executable, "-m", "ctgitops", "plan", "--env", "bench", "--format", "json", "--root", folder]
        environment = {**os.environ, "BENCH_DATABASE_URL": url}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if not done.stdout:
            raise SystemExit(done.stderr)
        plan: dict[str, list[dict[str, list[dict[str, str | None]]]]] = json.loads(done.stdout)
        return plan["steps"][0]


def _ran(url: str, sql: str) -> tuple[float, float]:
    """The seconds that `sql` takes without its commit, and the bytes of WAL. Rolls it back, and removes dead rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        before = _position(connection)
        connection.execute("begin")
        began = time.perf_counter()
        connection.execute(sql.encode())
        took = time.perf_counter() - began
        connection.execute("rollback")
        written = _position(connection) - before
        connection.execute("vacuum")
        connection.execute("checkpoint")
    return took, written


def _position(connection: psycopg.Connection[tuple[object, ...]]) -> float:
    row = connection.execute("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    return float(str(row[0])) if row else 0.0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--major", type=int)
    parser.add_argument("--only", default="")
    return parser.parse_args()


if __name__ == "__main__":
    main()
