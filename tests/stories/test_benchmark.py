"""`benchmark`: queries before and after the pending migrations, on two copies of an environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.benchmarks import HARMFUL, HARMLESS, Scene
from ctgitops.postgres.server.local_server import LocalServer
from tests.report.test_json import valid
from tests.servers import fetch, programs_for_tests
from tests.stories.house import House

pytestmark = pytest.mark.slow
ORDERS = """create table orders (id int primary key, customer int not null, note text);
create index orders_customer on orders (customer);"""
CHANGE = """drop index orders_customer;
alter table orders drop column note, add column paid int not null default 0;
create table bills (id int primary key);
alter table orders add constraint few check (customer is not null);"""
POLICY = """header: optional
rows: {public.orders: 20000, public.bills: 50}
benchmark:
- name: writes
  pgbench: insert into orders (id, customer) values (1e5 + random() * 1e6, 1) on conflict do nothing
- {name: by customer, sql: "select count(*) from orders where customer = (select min(customer) from orders)"}
- {name: by key, sql: bench/key.sql, severity: error}
- {name: notes, sql: select max(note) from orders}
- {name: bills, sql: select count(*) from bills}
- {name: commits, sql: delete from orders; commit}
"""
SMALL = """header: optional
rows: {public.customers: 500, public.orders: 20000}
benchmark:
- {name: orders of a customer, sql: select sum(amount) from orders where customer = 77}
- {name: the view, sql: select count(*) from order_list where customer = 78}
"""  # fmt: skip


def test_each_kind_of_result_is_reported(house: House, database_url: str) -> None:
    house.migration("001_orders", ORDERS)
    house.environment("staging", database_url, "shadow: {}\n")
    house.applied()
    house.write("bench/key.sql", "update orders set customer = 1 where id = 7;\nselect * from orders where id = 7;\n")
    house.policy(POLICY)
    nothing = house.run("benchmark", "--env", "staging")
    assert (nothing.status, "no pending migration, so nothing was run" in nothing.out) == (0, True), nothing.said
    house.migration("002_change", CHANGE)
    run = house.run("benchmark", "--env", "staging", "--format", "json")
    page = valid("benchmark", run.out)
    found = {each["name"]: each for each in page["benchmarks"]}
    assert list(found) == ["writes", "by customer", "by key", "notes", "bills", "commits"]
    assert {name: each["verdict"] for name, each in found.items() if name != "writes"} == {
        "by customer": "slower",
        "by key": "unchanged",
        "notes": "broken",
        "bills": "new",
        "commits": "unknown",
    }
    assert 'column "note" does not exist' in found["notes"]["what"]
    assert "sql:1:21: COMMIT cannot run" in found["commits"]["what"]
    (change,) = found["by customer"]["plans"]
    assert any("using orders_customer" in line for line in change["before"])
    assert any("Seq Scan on public.orders" in line for line in change["after"])
    if found["writes"]["verdict"] == "unknown":
        assert "no program pgbench" in found["writes"]["what"]
    else:
        assert found["writes"]["figures"]["pairs"] == 8
    assert (run.status, page["passed"], page["migrations"]) == (0, True, ["002_change"])
    assert fetch(database_url, "select count(*) from orders") == [(0,)]


def test_rows_that_a_new_constraint_refuses_are_generated_again(house: House, database_url: str) -> None:
    house.migration("001_orders", f"{ORDERS} create table empty (id int primary key);")
    house.environment("staging", database_url, "shadow: {}\n")
    house.applied()
    house.policy(
        "header: optional\nrows: {public.orders: 100}\nbenchmark:\n"
        "- {name: all, sql: select count(*) from orders, severity: error}\n"
        "- {name: gone, sql: select max(note) from orders, severity: error}\n"
        "- {name: empty, sql: select count(*) from empty, severity: error}\n"
        "- {name: copied, sql: copy orders to stdout}\n"
        "- {name: prepared, sql: prepare p as select 1; execute p}\n"
    )
    # The second attempt has another server: this one has the role already
    house.migration("002_first", "create role ctgitops_newcomer;")
    house.migration("003_one", "alter table orders drop column note, add column state text not null;")
    run = house.run("benchmark", "--env", "staging")
    assert run.status == 1, run.said
    assert "not matched: the migrations ran without the generated rows, because with them: " in run.out
    assert "error[broken]: gone" in run.out
    assert "note[unchanged]: all" in run.out
    assert "error[unknown]: empty\n    no rows in public.empty: " in run.out
    assert "warning[unknown]: copied\n    sql:1:1: COPY from STDIN" in run.out
    assert "note[unchanged]: prepared" in run.out


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with LocalServer(programs_for_tests()) as server:
        yield Scene(server, Path(tmp_path_factory.mktemp("bench"), "repository"), SMALL)


@pytest.mark.parametrize("what", ["a view with a barrier"])
def test_a_harmful_migration_is_found(scene: Scene, what: str) -> None:
    """`make bench-benchmarks` runs all of them."""
    assert scene.run(what, HARMFUL[what]).worse


@pytest.mark.parametrize("what", ["an equivalent index"])
def test_a_harmless_migration_raises_no_alarm(scene: Scene, what: str) -> None:
    found = scene.run(what, HARMLESS[what])
    assert (found.worse, found.unknown) == ([], [])
