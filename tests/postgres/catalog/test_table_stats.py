"""Table sizes come from the target's statistics, and rates from a measurement that leaves no trace."""

from __future__ import annotations

import pytest

from ctgitops.core.impact.size import Column
from ctgitops.postgres.catalog.table_stats import calibrate, sizes
from tests.servers import fetch, run, session


def test_sizes_are_those_of_the_statistics(database_url: str) -> None:
    run(
        database_url,
        'create table t (a int primary key, b text); create table "Never analyzed" (a int); '
        "insert into t select n, repeat('x', 100) from generate_series(1, 5000) n; create view v as select 1",
    )
    run(database_url, "analyze t")
    with session(database_url) as connection:
        found = sizes(connection, ["public.t", 'public."Never analyzed"', "public.v", "public.not_there"])
    assert set(found) == {"public.t", 'public."Never analyzed"'}
    assert found["public.t"].rows == 5000
    assert found["public.t"].pages > 50
    assert found["public.t"].index_pages > 5
    assert found["public.t"].columns == {"a": Column(0, -1), "b": Column(0, 1)}


def test_triggers_and_foreign_keys_are_those_that_make_a_change_slow(database_url: str) -> None:
    run(
        database_url,
        """create table p (id int primary key); create table with_index (id int references p);
        create index on with_index (id); create table without (id int references p, other int);
        insert into p values (1); insert into without select 1 from generate_series(1, 500); analyze;
        create function f() returns trigger language plpgsql as 'begin return new; end';
        create trigger by_row before insert or update on with_index for each row execute function f();
        create trigger by_statement after delete on with_index execute function f();
        create trigger off after delete on with_index for each row execute function f();
        alter table with_index disable trigger off""",
    )
    with session(database_url) as connection:
        found = sizes(connection, ["public.p", "public.with_index"])
    assert (found["public.p"].referenced, found["public.p"].unindexed, found["public.p"].keys) == (1, 500, 0)
    assert found["public.with_index"].keys == 1
    assert found["public.with_index"].fires == {"Insert", "Update"}


def test_a_role_that_may_read_no_table_can_ask_for_sizes(database_url: str) -> None:
    run(database_url, "create role sizes_nobody login; create table t (a int); insert into t values (1); analyze t")
    try:
        with session(database_url.replace("://postgres@", "://sizes_nobody@")) as connection:
            assert sizes(connection, ["public.t"])["public.t"].rows == 1
    finally:
        run(database_url, "drop role sizes_nobody")


@pytest.mark.slow
def test_a_calibration_leaves_no_trace(database_url: str) -> None:
    with session(database_url) as connection:
        rates = calibrate(connection)
    assert rates.scanned > rates.rewritten > 0
    assert min(rates.checked, rates.indexed, rates.pages, rates.read, rates.found, rates.inserted, rates.updated) > 0
    assert fetch(database_url, "select count(*) from pg_namespace where nspname ~ 'calibration'") == [(0,)]
