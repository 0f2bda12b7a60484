"""An exported snapshot: row counts, sequences, and the inventory of the schema."""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

import psycopg
import pytest

from ctgitops.errors import BackupError
from ctgitops.postgres.catalog.exported_snapshot import exported_snapshot
from ctgitops.postgres.connection.connect import Address
from tests.servers import fetch, run, session


def address(url: str) -> Address:
    return Address(url, label="staging (STAGING_DATABASE_URL)")


def test_counts_the_rows_of_its_moment_and_no_later_ones(database_url: str) -> None:
    run(database_url, "create table t (); insert into t select from generate_series(1, 3)")
    with exported_snapshot(address(database_url)) as snapshot:
        run(database_url, "insert into t select from generate_series(1, 5); create table later ()")
        assert snapshot.count_rows() == {"public.t": 3}
    with exported_snapshot(address(database_url)) as snapshot:
        assert snapshot.count_rows() == {"public.t": 8, "public.later": 0}


def test_counts_every_place_that_holds_rows_once(database_url: str) -> None:
    run(
        database_url,
        """
        create schema "Ü-1"; create table "Ü-1"."sel""ect" (a int); insert into "Ü-1"."sel""ect" values (1);
        create table "a.b" (); insert into "a.b" default values;
        create table parted (a int) partition by list (a);
        create table parted_1 partition of parted for values in (1);
        create table parted_rest partition of parted default;
        insert into parted values (1), (1), (2);
        create table parent (a int); create table child () inherits (parent);
        insert into parent values (1); insert into child values (2), (3);
        create unlogged table unlogged (a int);
        create materialized view seen as select * from parted; create view v as select * from parted;
        select lo_create(0), lo_create(0);
        """,
    )
    with exported_snapshot(address(database_url)) as snapshot:
        assert snapshot.count_rows() == {
            'Ü-1."sel"ect"': 1,
            'public."a.b"': 1,
            "public.child": 2,
            "public.parent": 1,
            "public.parted_1": 2,
            "public.parted_rest": 1,
            "public.unlogged": 0,
            "pg_catalog.pg_largeobject_metadata": 2,
        }


def test_counts_hundreds_of_tables(database_url: str) -> None:
    run(
        database_url,
        "do $$begin for i in 1..120 loop execute format('create table t%s as select generate_series(1, %s)', i, i);"
        " end loop; end$$",
    )
    with exported_snapshot(address(database_url)) as snapshot:
        assert snapshot.count_rows() == {f"public.t{n}": n for n in range(1, 121)}


def test_a_role_that_does_not_see_all_rows_is_refused_instead_of_counting_fewer(database_url: str) -> None:
    name = urlsplit(database_url).path.strip("/")
    run(
        database_url,
        f"""
        create role "reader_{name}" login; create table t (a int); insert into t values (1), (2);
        alter table t enable row level security; create policy p on t using (a = 1); grant select on t to public;
        """,
    )
    reader = address(database_url.replace("postgres@", f"reader_{name}@"))
    with pytest.raises(BackupError, match="row-level security") as caught, exported_snapshot(reader) as snapshot:
        snapshot.count_rows()
    assert "bypassrls" in caught.value.hint
    assert caught.value.state == "nothing was changed"


def test_counting_can_be_ended_from_outside(database_url: str) -> None:
    run(database_url, "create table t ()")
    ended: list[BaseException] = []
    with session(database_url) as blocker, exported_snapshot(address(database_url)) as snapshot:
        blocker.execute("begin")
        blocker.execute("lock table t in access exclusive mode")

        def count() -> None:
            try:
                snapshot.count_rows()
            except psycopg.Error as error:
                ended.append(error)

        counting = threading.Thread(target=count)
        counting.start()
        while not fetch(database_url, "select from pg_locks where not granted"):
            pass
        snapshot.stop()
        counting.join(5)
        assert not counting.is_alive()
    assert "canceling statement" in str(ended[0])


def test_limits_of_the_database_do_not_end_it(database_url: str) -> None:
    name = urlsplit(database_url).path.strip("/")
    run(
        database_url,
        f"""
        create table t ();
        alter database {name} set statement_timeout = '1s'; alter database {name} set search_path = 'nowhere';
        alter database {name} set idle_in_transaction_session_timeout = '10ms';
        """,
    )
    with exported_snapshot(address(database_url)) as snapshot:
        threading.Event().wait(0.1)
        assert snapshot.count_rows() == {"public.t": 0}
        assert snapshot.database_size() > 1_000_000


def test_reads_where_sequences_stand_except_those_that_start_again(database_url: str) -> None:
    run(
        database_url,
        "create sequence one; select setval('one', 41); create sequence two start 7; create sequence round cycle",
    )
    with exported_snapshot(address(database_url)) as snapshot:
        assert snapshot.sequences() == {"public.one": 41, "public.two": 7}
        run(database_url, "select nextval('one')")
        assert snapshot.sequences()["public.one"] == 42


def test_names_the_roles_that_own_or_may_use_something(database_url: str) -> None:
    name = urlsplit(database_url).path.strip("/")
    owner, grantee, policed, other = (f"{kind}_{name}" for kind in ("owner", "grantee", "policed", "other"))
    run(
        database_url,
        f"""
        create role {owner}; create role {grantee}; create role {policed}; create role {other};
        create table t (a int); alter table t owner to {owner}; grant select on t to {grantee};
        create policy p on t to {policed} using (true);
        """,
    )
    with exported_snapshot(address(database_url)) as snapshot:
        assert set(snapshot.roles()) == {"postgres", owner, grantee, policed}


BASE = """
create type mood as enum ('sad', 'happy'); create domain price as numeric check (value > 0);
create table t (id int primary key, a text default 'x', m mood, p price, check (a <> ''));
create index by_a on t (a); create table u (t_id int references t);
create view v as select a from t; create materialized view mv as select a from t;
create function f(n int) returns int language sql as 'select n';
create function g() returns trigger language plpgsql as 'begin return new; end';
create trigger tr before insert on t for each row execute function g();
create policy pol on t using (id > 0); create sequence s; create schema other;
"""


@pytest.mark.parametrize(
    "change",
    [
        "drop schema other",
        "alter table t drop column a cascade",
        "alter table u alter t_id type bigint",
        "alter table t alter a set not null",
        "alter table t alter a drop default",
        "alter table u drop constraint u_t_id_fkey",
        "drop index by_a",
        "drop index by_a; create unique index by_a on t (a)",
        "drop view v",
        "drop function f",
        "create or replace function f(n int) returns int language sql as 'select n + 1'",
        "create function f(n text) returns int language sql as 'select 1'",
        "drop trigger tr on t",
        "alter table t disable trigger tr",
        "drop policy pol on t",
        "alter table t enable row level security",
        "alter type mood add value 'angry'",
        "alter sequence s increment 2",
        "alter domain price set not null",
        "refresh materialized view mv with no data",
        "create extension pg_trgm",
    ],
)
def test_the_inventory_sees(database_url: str, change: str) -> None:
    run(database_url, BASE)
    with exported_snapshot(address(database_url)) as snapshot:
        before, exact = snapshot.inventory(exact=False), snapshot.inventory(exact=True)
    run(database_url, change)
    with exported_snapshot(address(database_url)) as snapshot:
        assert snapshot.inventory(exact=False) != before
        assert snapshot.inventory(exact=True) != exact


@pytest.mark.parametrize(
    "change",
    [
        "create or replace view v as select a || '!' as a from t",
        "alter table t alter a set default 'y'",
        "alter policy pol on t using (id > 1)",
        "alter table t drop constraint t_a_check; alter table t add constraint t_a_check check (a <> 'y')",
        "drop index by_a; create index by_a on t (a) where a > 'x'",
    ],
)
def test_the_exact_inventory_sees_expressions(database_url: str, change: str) -> None:
    run(database_url, BASE.replace("create view v as select a from t", "create view v as select a || '' as a from t"))
    with exported_snapshot(address(database_url)) as snapshot:
        before = snapshot.inventory(exact=True)
    run(database_url, change)
    with exported_snapshot(address(database_url)) as snapshot:
        assert snapshot.inventory(exact=True) != before


def test_extensions_own_things_are_not_in_the_inventory(database_url: str) -> None:
    with exported_snapshot(address(database_url)) as snapshot:
        before = snapshot.inventory(exact=True)
    run(database_url, "create extension pg_stat_statements")
    with exported_snapshot(address(database_url)) as snapshot:
        assert set(snapshot.inventory(exact=True)) - set(before) == {"extension pg_stat_statements"}
        assert snapshot.count_rows() == {}
