"""Generated rows satisfy the types, keys and constraints of a table, or the error says what cannot be generated."""

from __future__ import annotations

import pytest

from ctgitops.errors import WorkspaceError
from ctgitops.postgres.shadow.generated_rows import generate_rows
from tests.servers import fetch, session

SCHEMA = """
create type mood as enum ('sad', 'ok', 'happy');
create domain email as text check (value ~ '^[^@]+@[^@]+$');
create domain percent as numeric(5, 2) check (value >= 0) check (value <= 100);
create domain needed as percent not null;
create table customers (
    id bigint generated always as identity primary key, email email not null unique, mood mood not null,
    code varchar(6) not null unique, "Odd name" char(3) not null, tags text[] not null, born date,
    parent bigint references customers, raised needed, state text not null check (state in ('open', 'closed'))
);
create table products (id uuid primary key, price numeric(6, 2) not null check (price > 0 and price < 50),
    size int not null check (size between 10 and 20), label text, cents bigint generated always as (size * 100) stored);
create table orders (
    id serial primary key, customer bigint not null references customers, product uuid references products,
    placed timestamptz not null, shipped timestamptz, data jsonb not null, active boolean not null default true,
    check (shipped is null or shipped >= placed)
);
create table likes (customer bigint references customers, product uuid references products,
    primary key (customer, product));
create table profiles (customer bigint primary key references customers, text text not null);
create table parts (id int, primary key (id, made), made date not null) partition by range (made);
create table parts_all partition of parts for values from (minvalue) to (maxvalue);
create extension btree_gist;
create table bookings (id int primary key, room int not null, during tsrange not null,
    exclude using gist (room with =, during with &&));
create table chicken (id int primary key, egg int);
create table egg (id int primary key, chicken int not null references chicken);
alter table chicken add foreign key (egg) references egg;
"""
ROWS = {
    "public.orders": 500, "public.customers": 300, "public.products": 200, "public.likes": 400, "public.profiles": 100,
    "public.parts": 50, "public.bookings": 100, "public.egg": 10, "public.chicken": 10,
}  # fmt: skip


def generated(url: str, sql: str, rows: dict[str, int], **columns: dict[str, tuple[float, float]]) -> tuple[str, ...]:
    with session(url) as connection:
        connection.execute(sql.encode())
        connection.execute("set search_path = ''")
        return generate_rows(connection, rows, {f"public.{name}": of for name, of in columns.items()})


def count(url: str, table: str, condition: str = "true") -> int:
    return int(str(fetch(url, f"select count(*) from {table} where {condition}")[0][0]))


def test_all_constraints_hold_and_every_row_is_there(database_url: str) -> None:
    notes = generated(
        database_url,
        SCHEMA,
        ROWS,
        orders={"product": (0.4, 7.0), "shipped": (0.5, -1.0)},
        products={"label": (0.0, 3.0)},
    )
    cycle = "is NULL, because the tables form a cycle"
    assert notes == (
        f"public.customers: the foreign key customers_parent_fkey {cycle}",
        f"public.chicken: the foreign key chicken_egg_fkey {cycle}",
    )
    assert {table: count(database_url, table) for table in ROWS} == ROWS
    assert 150 < count(database_url, "orders", "product is null") < 250
    assert fetch(database_url, "select count(distinct product), count(distinct customer) > 100 from orders") == [
        (7, True)
    ]
    assert fetch(database_url, "select count(distinct label) from products") == [(3,)]
    assert fetch(database_url, "select count(distinct state) from customers") == [(2,)]
    assert count(database_url, "orders", "shipped is not null") > 100


def test_the_same_table_gets_the_same_rows(database_url: str) -> None:
    one = "create table one (id int primary key, t text not null, n numeric(3, 1));"
    generated(database_url, one, {"public.one": 20})
    generated(database_url, one.replace("one", "two"), {"public.two": 20})
    assert fetch(database_url, "select * from one except select * from two") == []


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("create type pair as (a int, b int); create table t (p pair not null);", "no values of type public.pair"),
        ("create table t (a int check (a > 5 and a < 5));", "no generated row satisfies the constraints"),
        ("create table u (id int primary key); create table t (u int not null references u);", "which has no rows"),
        (
            "create table t (id int primary key, u int not null); "
            "create table u (id int primary key references t, t int not null references t); "
            "alter table t add foreign key (u) references u;",
            "form a cycle, and none of them can be NULL",
        ),
        ("create table t (id int primary key, up int not null references t);", "form a cycle"),
        ("create view t as select 1;", "there is no table public.t"),
        ("create table t (a int not null) partition by list (a);", "no partition of relation"),
    ],
)
def test_an_error_says_what_cannot_be_generated(database_url: str, sql: str, said: str) -> None:
    rows = {"public.t": 5} | ({"public.u": 5} if "create table u" in sql and "cycle" in said else {})
    with pytest.raises(WorkspaceError) as caught:
        generated(database_url, sql, rows)
    assert said in caught.value.what


def test_rows_that_violate_a_unique_constraint_are_left_out_and_said(database_url: str) -> None:
    sql = "create table t (a boolean not null unique); insert into t values (true);"
    (note,) = generated(database_url, sql, {"public.t": 10})
    assert note == "public.t: 1 rows instead of 10, because others violate a constraint"


def test_rows_that_exist_are_kept(database_url: str) -> None:
    sql = "create table t (a int primary key, b text unique); insert into t values (1, 'b 2'), (70, 'x');"
    assert generated(database_url, sql, {"public.t": 50}) == ()
    assert count(database_url, "t") == 52


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("public.child", "public.child: no rows can be generated: permission denied for table parent"),
        ("hidden.t", "hidden.t: no rows can be generated: permission denied for schema hidden"),
    ],
)
def test_a_missing_privilege_is_named(database_url: str, table: str, said: str) -> None:
    sql = """
        create table parent (id int primary key); create table child (id int, parent int references parent);
        create schema hidden create table t (id int); grant all on child to pg_monitor; set role pg_monitor;
    """
    with pytest.raises(WorkspaceError, match=said):
        generated(database_url, sql, {table: 1})
