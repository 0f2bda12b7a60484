"""Measures a snapshot of 1,000 tables, compared with the plain catalog queries and with pg_dump -s.

`python -m bench.snapshot [TABLES]`
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from ctgitops.core.schema.compare import compare
from ctgitops.core.schema.snapshot import Snapshot, snapshot_text
from ctgitops.postgres.catalog.schema_snapshot import take_snapshot
from ctgitops.postgres.connection.connect import Address, connect
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import server_for

REPETITIONS = 7
BARE = """
set search_path = '';
select n.nspname, c.relname, c.relkind, case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end
from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public';
select a.attrelid::regclass::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid)
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where n.nspname = 'public' and a.attnum > 0 and c.relkind = 'r';
select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint where conrelid > 16383;
select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index where indexrelid > 16383;
select oid::regprocedure::text, pg_get_functiondef(oid) from pg_proc where oid > 16383 and prokind = 'f';
select polrelid::regclass::text, polname, pg_get_expr(polqual, polrelid) from pg_policy;
"""


def schema(tables: int) -> str:
    """The SQL of a schema: tables with all their parts, half as many functions, and a fifth as many views."""
    parts = []
    for n in range(tables):
        parts.append(
            f"create table t{n} (id bigint primary key, name text not null default 'x', made timestamp default now(), "
            f"amount numeric(12,2) check (amount > {n}), parent bigint {f'references t{n - 1}' if n % 2 else ''});"
            f"create index t{n}_name on t{n} (lower(name)) where amount > 0; create index t{n}_made on t{n} (made);"
        )
        if n % 3 == 0:
            parts.append(f"alter table t{n} enable row level security; create policy p on t{n} using (id > {n});")
        if n % 2 == 0:
            parts.append(f"create function f{n}(a int) returns int language sql as 'select a + {n}';")
        if n % 5 == 0:
            parts.append(f"create view v{n} as select id, name, sum(amount) over () total from t{n} where id > {n};")
        if n % 50 == 49:
            parts.append("commit; begin;")
    return "begin;" + "\n".join(parts) + "commit;"


def median(work: Callable[[], object]) -> tuple[float, float]:
    """Median and minimum of several repetitions, in seconds."""
    taken = []
    for _ in range(REPETITIONS):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken), min(taken)


def bare(address: Address) -> None:
    """Runs the plain catalog queries with which a snapshot is compared."""
    with connect(address, "bench") as connection:
        cursor = connection.execute(BARE.encode())
        while cursor.nextset():
            cursor.fetchall()


def main() -> None:
    """Measures and prints."""
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    programs = server_for()
    with LocalServer(programs, settings={"autovacuum": "off"}) as server:
        address = server.create_database("bench")
        with connect(address, "bench") as connection:
            connection.execute(schema(tables).encode())
            connection.execute("vacuum analyze")

        def dump() -> None:
            command = [programs.path("pg_dump"), "-s", "-d", address.url]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=programs.environment)

        first = take_snapshot(address)
        other = Snapshot.of(
            replace(each, attributes={**each.attributes, "comment": "x"}) if n % 100 == 0 else each
            for n, each in enumerate(first.objects)
        )
        print(f"PostgreSQL {programs.version}, {tables} tables, {len(first.objects)} objects: median (minimum)")
        rows: dict[str, Callable[[], object]] = {
            "bare catalog queries": lambda: bare(address),
            "pg_dump -s": dump,
            "snapshot": lambda: take_snapshot(address),
            "compare of two": lambda: compare(Snapshot(first.objects), Snapshot(other.objects)),
            "fingerprint": lambda: Snapshot(first.objects).fingerprint,
            "as a file": lambda: snapshot_text(Snapshot(first.objects)),
        }
        times = {name: median(work) for name, work in rows.items()}
        for name, (middle, least) in times.items():
            print(f"  {name:24} {middle * 1000:8.0f} ms  ({least * 1000:.0f})")
        print(
            f"  snapshot / bare queries  {times['snapshot'][0] / times['bare catalog queries'][0]:8.2f}  "
            f"({times['snapshot'][1] / times['bare catalog queries'][1]:.2f})"
        )


if __name__ == "__main__":
    main()
