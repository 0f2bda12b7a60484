"""A sample of a real server's statistics: old and new versions of the extension, hidden statements, hostile texts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ctgitops.core.performance.sample import Sample
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.statistics.sampler import take_sample
from tests.servers import base_for_servers, fetch, programs_for_tests, programs_of, run, session
from tests.stories.house import transaction

LIBRARY = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "all"}
ORDERS = """create table orders (id int primary key, customer int);
insert into orders select n, n % 100 from generate_series(1, 1000) n; create index orders_customer on orders (customer);
analyze orders;"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def library() -> Iterator[LocalServer]:
    with LocalServer(programs_for_tests(), settings=LIBRARY, base=base_for_servers()) as server:
        yield server


def database(server: LocalServer, name: str, version: str = "") -> Address:
    address = server.create_database(name)
    run(address.url, f"create extension pg_stat_statements{version}")
    run(address.url, ORDERS)
    return address


def hidden(sample: Sample) -> list[str]:
    return [each.why for each in sample.blind if each.matters]


def texts(sample: Sample) -> list[str]:
    return [each.text for each in (sample.statements or {}).values()]


@pytest.mark.parametrize("version", ["", " version '1.7'", " schema public"])
def test_every_version_and_schema_of_the_extension(library: LocalServer, version: str) -> None:
    address = database(library, f"extension{version}".replace(" ", "_").replace("'", "").replace(".", "_"), version)
    for number in range(3):
        fetch(address.url, f"select count(*) from orders where customer = {number}")
    sample = take_sample(address)
    (orders,) = [each for each in (sample.statements or {}).values() if "where customer = $1" in each.text]
    assert orders.calls == 3
    assert orders.total > 0
    assert orders.squares * orders.calls >= orders.total**2 * 0.999
    assert orders.blocks >= 3
    assert hidden(sample) == []


def test_tables_indexes_and_the_database(library: LocalServer) -> None:
    address = database(library, "counters")
    with session(address.url) as own:
        own.execute("select count(*) from orders")
        own.execute(
            "select pg_stat_clear_snapshot(), pg_stat_force_next_flush()"
        ) if library.programs.major >= 15 else None
    sample = take_sample(address)
    table = (sample.tables or {})["public.orders"]
    assert (table.rows, table.written) == (1000, 1000)
    assert table.file
    assert (sample.indexes or {})["public.orders_pkey"].constrains
    assert not (sample.indexes or {})["public.orders_customer"].constrains
    assert sample.database is not None
    assert sample.database.bytes
    assert (sample.waiting, sample.lag) == (0, 0.0)
    before = table.definition
    run(address.url, "alter table orders add column paid boolean; drop index orders_customer")
    after = (take_sample(address).tables or {})["public.orders"]
    assert after.definition != before
    assert after.file == table.file
    run(address.url, "alter table orders alter customer type bigint")
    assert (take_sample(address).tables or {})["public.orders"].file != table.file


def test_a_table_that_is_locked_does_not_hold_up_a_sample(library: LocalServer) -> None:
    address = database(library, "locked")
    fetch(address.url, "select count(*) from orders")
    with transaction(address.url, "lock table orders in access exclusive mode"):
        sample = take_sample(address)
    assert "public.orders" in (sample.tables or {})
    assert sample.statements


def test_no_statement_is_executed_and_none_hides_a_second_one(library: LocalServer) -> None:
    """Texts of statements come from whoever ran them: only single queries are planned, in a read-only session."""
    address = database(library, "hostile")
    run(
        address.url,
        "create table tripped (); create function trip() returns int language plpgsql volatile as "
        "$$ begin drop table if exists tripped; return 1; end $$; insert into orders values (5000, 1)",
    )
    run(address.url, "begin; select trip(); rollback")
    run(address.url, "/* '; drop table orders; -- */ select customer from orders where id = 1")
    sample = take_sample(address)
    assert any("trip()" in text for text in texts(sample))
    assert fetch(address.url, "select to_regclass('tripped') is not null, count(*) from orders") == [(True, 1001)]
    if library.programs.major >= 16:
        assert sample.plans


def test_what_is_not_loaded_or_not_installed_is_named(server: LocalServer, library: LocalServer) -> None:
    plain = server.create_database("without_library")
    assert hidden(take_sample(plain)) == ["the extension pg_stat_statements is not installed in this database"]
    run(plain.url, "create extension pg_stat_statements")
    assert hidden(take_sample(plain)) == ["pg_stat_statements is not in shared_preload_libraries"]
    assert take_sample(library.create_database("without_extension")).statements is None


@pytest.mark.majors
@pytest.mark.parametrize("major", [14, 16, 17, 18])
def test_every_major(major: int) -> None:
    with LocalServer(programs_of(major), settings=LIBRARY, base=base_for_servers()) as server:
        address = database(server, "app")
        for number in range(3):
            fetch(address.url, f"select id from orders where customer = {number}")
        first = take_sample(address)
        assert hidden(first) == []
        assert ("pg_stat_io" in [each.what for each in first.blind]) is (major < 16)
        assert bool(first.io) is (major >= 16)
        assert bool(first.plans) is (major >= 16)
        if major >= 16:
            key = next(k for k, each in (first.statements or {}).items() if "where customer = $1" in each.text)
            assert "orders_customer" in first.plans[key]
            run(address.url, "drop index orders_customer")
            assert take_sample(address).plans[key] == "Seq Scan on orders"
