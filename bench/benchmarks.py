"""Runs `ctgitops benchmark` on harmful and harmless migrations. Prints how many harmful ones were found.

python -m bench.benchmarks [--harmful 20] [--harmless 50] [--postgres BIN]

Each run compares the same seven benchmarks on copies with generated rows. A harmful migration drops an index, makes a
plan flip, or adds work to each row. A harmless one is an everyday change. A run is found, or is a false alarm, if a
benchmark is worse.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from ctgitops.postgres.connection.connect import connect
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import programs_in, server_for

ROLE = "app_migrator"
SCHEMA = """
create table customers (id int primary key, name text not null, email varchar(80));
create table orders (id bigint generated always as identity primary key, customer int not null references customers,
    amount numeric(10, 2) not null, note text not null, state text not null default 'new' check (state in ('new',
    'paid')), at timestamptz not null default now());
create index orders_customer on orders (customer);
create index orders_amount on orders (amount, customer);
create table lines (id bigint generated always as identity primary key, order_id bigint not null references orders,
    product int not null);
create index lines_order on lines (order_id);
create index lines_product on lines (product);
create table events (id bigint generated always as identity primary key, kind int not null, body text);
create view order_list as select id, customer, at from orders;
create view named_orders as select o.id, o.customer, c.name from orders o join customers c on c.id = o.customer;
create function total(int) returns numeric language sql stable
    as $$ select sum(amount) from orders where customer = $1 $$;
"""
POLICY = """\
header: optional
rows: {public.customers: 2000, public.orders: 20000, public.lines: 40000, public.events: 2000}
benchmark:
  - {name: orders of a customer, sql: select sum(amount) from orders where customer = 77}
  - {name: the view, sql: select count(*) from order_list where customer = 78}
  - {name: largest orders, sql: select id from orders order by amount desc limit 20}
  - name: lines of a customer
    sql: select count(*) from lines l join orders o on o.id = l.order_id where o.customer in (5, 6, 7)
  - {name: names, sql: select count(name) from named_orders where customer between 100 and 110}
  - {name: whole table, sql: "select state, count(*) from orders group by state"}
  - name: writes
    sql: insert into events (kind, body) select n, 'x' from generate_series(1, 50) n; select total(9)
"""
HARMFUL = {
    "an index dropped": "drop index orders_customer;",
    "an index of a join dropped": "drop index lines_order;",
    "an index of a sort dropped": "drop index orders_amount;",
    "an expression hides a column": """create or replace view order_list as
        select id, (customer + 0) as customer, at from orders;""",
    "columns of an index in another order": """drop index orders_customer;
        create index orders_customer on orders (at, customer);""",
    "a slow trigger": """create function slow() returns trigger language plpgsql as
        $$ begin perform count(*) from generate_series(1, 20000); return new; end $$;
        create trigger slow before insert on events for each row execute function slow();""",
    "a view with a barrier": """create or replace view order_list as
        select id, customer, at from (select * from orders offset 0) o;""",
    "a window function in a view": """create or replace view order_list as
        select id, customer, max(at) over () as at from orders;""",
    "a partial index instead of a whole one": """drop index orders_customer;
        create index orders_customer on orders (customer) where state = 'paid' and amount > 1;""",
    "a cross-checking function": """create or replace function total(int) returns numeric language sql stable
        as $$ select sum(amount) from orders where customer::text = $1::text $$;""",
    "a distinct in a view": """create or replace view named_orders as select distinct on (o.id) o.id, o.customer, c.name
        from orders o join customers c on c.id = o.customer;""",
    "an index on another expression": """drop index orders_customer;
        create index orders_customer on orders ((customer + 1));""",
    "another operator class": "drop index orders_amount; create index orders_amount on orders using hash (amount);",
    "a subquery for each row": """create or replace view named_orders as select o.id, o.customer,
        (select c.name from customers c where c.id::text = o.customer::text) as name from orders o;""",
    "a trigger that counts": """create function counts() returns trigger language plpgsql as
        $$ begin perform count(*) from orders; return new; end $$;
        create trigger counts before insert on events for each row execute function counts();""",
    "a materialized step": """create or replace view order_list as
        with o as materialized (select * from orders) select id, customer, at from o;""",
    "row security with a slow check": """create function may_see(int) returns boolean language plpgsql as
        $$ begin perform count(*) from generate_series(1, 200); return true; end $$;
        create policy own on orders using (may_see(customer)); alter table orders enable row level security;
        alter table orders force row level security;""",
    "a union in a view": """create or replace view order_list as select id, customer, at from orders
        union select id, customer, at from orders;""",
    "rows as text": "alter table lines alter order_id drop not null, drop constraint lines_order_id_fkey; "
    "drop index lines_order; create index lines_order on lines ((order_id::text));",
    "wide rows": "alter table orders add column pad text not null default repeat('x', 10); "
    "alter table orders alter pad set storage plain; update orders set pad = repeat(note, 20);",
}
HARMLESS = {
    "a column": "alter table orders add column paid_at timestamptz;",
    "a column with a default": "alter table orders add column active boolean not null default true;",
    "an index": "create index orders_at on orders (at);",
    "an index, concurrently": "create index concurrently orders_state on orders (state);",
    "a table": "create table invoices (id bigint primary key, total numeric not null);",
    "a view": "create view big_orders as select * from orders where amount > 900;",
    "a comment": "comment on table orders is 'What customers ordered';",
    "a constraint, not valid": "alter table orders add constraint positive check (amount is not null) not valid;",
    "a constraint": "alter table orders add constraint known check (customer is not null);",
    "an unused index dropped": "drop index lines_product;",
    "a column filled": "alter table orders add column copy int; update orders set copy = customer;",
    "a column filled and required": """alter table orders add column copy int; update orders set copy = 1;
        alter table orders alter copy set not null;""",
    "an equivalent index": """create index orders_of_customer on orders (customer); drop index orders_customer;""",
    "an index with more columns": """create index orders_customer_at on orders (customer, at);
        drop index orders_customer;""",
    "an index renamed": "alter index orders_customer rename to orders_by_customer;",
    "rows in a small table": "insert into customers (id, name) values (2000001, 'new'), (2000002, 'newer');",
    "a longer type": "alter table customers alter email type varchar(200);",
    "new statistics": "alter table orders alter customer set statistics 500;",
    "extended statistics": "create statistics orders_both on customer, state from orders;",
    "an enum": "create type mood as enum ('good', 'bad');",
    "a function": "create function twice(int) returns int language sql immutable as $$ select $1 * 2 $$;",
    "the same view again": "create or replace view order_list as select id, customer, at from orders;",
    "a view with one more column": """create or replace view order_list as
        select id, customer, at, state from orders;""",
    "a cheap trigger": """create function stamped() returns trigger language plpgsql as
        $$ begin return new; end $$;
        create trigger stamped before update on events for each row execute function stamped();""",
    "a foreign key, not valid": """create table products (id int primary key);
        alter table lines add foreign key (product) references products not valid;""",
    "an unused column dropped": "alter table customers drop column email;",
    "another default": "alter table orders alter state set default 'paid';",
    "a materialized view": "create materialized view sums as select customer, sum(amount) from orders group by 1;",
    "an index built again": "reindex index orders_customer;",
    "a table in order": "cluster orders using orders_customer;",
    "a check dropped": "alter table orders drop constraint orders_state_check;",
    "a fill factor": "alter table orders set (fillfactor = 95);",
    "a grant": "grant select on orders to public;",
    "a larger type": "alter table orders alter note type varchar;",
    "a sequence": "create sequence numbers;",
    "a generated column": """alter table customers add column lower_name text
        generated always as (lower(name)) stored;""",
    "rows deleted and added": "delete from events where id % 2 = 0; insert into events (kind) select 1 from events;",
    "a rule of names": "alter table orders rename column note to remark;",
    "a column twice as precise": "alter table orders alter amount type numeric(12, 2);",
    "a schema": "create schema archive;",
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """The document of one run."""

    what: str
    document: Mapping[str, Any]
    seconds: float

    @property
    def worse(self) -> list[str]:
        """The benchmarks that are worse, with their verdicts and factors."""
        found = [each for each in self.document["benchmarks"] if each["verdict"] in {"slower", "reads-more", "broken"}]
        return [f"{each['name']} {each['verdict']} {(each['figures'] or {}).get('ratio', '')}" for each in found]

    @property
    def unknown(self) -> list[str]:
        """The benchmarks without a result."""
        return [
            f"{each['name']}: {each['what']}" for each in self.document["benchmarks"] if each["verdict"] == "unknown"
        ]


class Scene:
    """A repository with a schema artifact, so that each run needs no database."""

    def __init__(self, server: LocalServer, root: Path, policy: str = POLICY) -> None:
        self.root, self.url = root, server.url("benchmarked", ROLE)
        with connect(server.create_database("benchmarked"), "bench") as connection:
            # Not a superuser, which row security does not apply to
            connection.execute(f"create role {ROLE} login; alter database benchmarked owner to {ROLE};".encode())
            connection.execute(f"grant all on schema public to {ROLE}; set role {ROLE};".encode())
            connection.execute(SCHEMA.encode())
        (root / "migrations").mkdir(parents=True)
        (root / "environments").mkdir()
        (root / "migrations/policy.yaml").write_text(policy)
        (root / "environments/bench.yaml").write_text("environment: bench\ndatabase: {url: '${BENCH_DATABASE_URL}'}\n")
        done = self.ctgitops("schema", "--env", "bench", "--out", "schema.json")
        if done.returncode:
            raise SystemExit(done.stderr)

    def run(self, what: str, sql: str) -> Result:
        """Runs the benchmarks with one pending migration."""
        (self.root / "migrations/001_change.sql").write_text(f"{sql}\n")
        started = time.monotonic()
        done = self.ctgitops("benchmark", "--env", "bench", "--from", "schema.json", "--format", "json")
        if done.returncode not in {0, 1}:
            raise SystemExit(f"{what}: {done.stdout}{done.stderr}")
        return Result(what, json.loads(done.stdout), time.monotonic() - started)

    def ctgitops(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command in the repository."""
        environment = {**os.environ, "BENCH_DATABASE_URL": self.url}
        command = [sys.executable, "-m", "ctgitops", *arguments]
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)


def main() -> None:
    """Prints each run, and the two figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--harmful", type=int, default=20)
    parser.add_argument("--harmless", type=int, default=50)
    parser.add_argument("--postgres", type=Path, help="bin folder of a PostgreSQL installation")
    asked = parser.parse_args()
    programs = programs_in(asked.postgres) if asked.postgres else server_for()
    if programs is None:
        raise SystemExit(f"{asked.postgres} has no PostgreSQL")
    found = alarms = 0
    with tempfile.TemporaryDirectory() as folder, LocalServer(programs) as server:
        scene = Scene(server, Path(folder, "repository"))
        for what, sql in islice(cycle(HARMFUL.items()), asked.harmful):
            result = scene.run(what, sql)
            found += bool(result.worse)
            _print("found" if result.worse else "MISSED", result)
        for what, sql in islice(cycle(HARMLESS.items()), asked.harmless):
            result = scene.run(what, sql)
            alarms += bool(result.worse)
            _print("FALSE ALARM" if result.worse else "quiet", result)
    print(
        f"\nfound {found} of {asked.harmful} harmful migrations; "
        f"{alarms} false alarms in {asked.harmless} harmless migrations"
    )


def _print(verdict: str, result: Result) -> None:
    said = "; ".join([*result.worse, *(f"unknown: {each}" for each in result.unknown)])
    print(f"{verdict:12} {result.seconds:5.1f} s  {result.what}  {said}", flush=True)


if __name__ == "__main__":
    main()
