"""The rule `work-under-lock`: work of any kind that runs while a strong lock is held, and what it leaves in peace."""

from __future__ import annotations

import pytest

from tests.lint.examples import linted

GIVEN = """
create schema "Big Data";
create table "Big Data"."Events" (id bigint primary key, owner bigint, at date);
create table parts (id int, at date) partition by range (at);
create table parts_1 partition of parts for values from ('2026-01-01') to ('2027-01-01');
create view names as select name from customers;
create materialized view sums as select customer_id, sum(amount) from orders group by 1;
alter table orders add constraint positive check (amount > 0) not valid;
create index orders_customer on orders (customer_id);
create function fill() returns void language sql as 'update orders set note = code where quantity > 1';
create function count_all() returns bigint language plpgsql as 'begin return (select count(*) from orders); end';
create function outer_fill() returns void language plpgsql as 'begin perform fill(); end';
create function listed() returns table (id bigint, note text) language plpgsql as
  'begin id := 1; return next; return query select o.id, o.note from orders o; end';
create function outs(a int, out b bigint, out c text) language plpgsql as
  'begin a := 2; c := ''x''; select count(*) into b from orders; return; end';
create procedure cleared(inout n int) language plpgsql as 'begin n := 2; delete from orders where note is null; end';
create function atomic_count() returns bigint return (select count(*) from orders);
create procedure clean() language plpgsql as
  'declare r record; begin for r in select * from orders where note is null loop null; end loop; end';
"""
LOCK = "alter table customers add column region text;\n"
WORK = [
    "insert into customers (id) select id from orders;",
    'INSERT INTO customers (id) SELECT id FROM "Big Data"."Events" WHERE owner > 4;',
    "create table copied as select * from orders;",
    "select * into copied from orders;",
    "create materialized view m as select count(*) from orders;",
    "refresh materialized view sums;",
    "refresh materialized view concurrently sums;",
    "select count(*) from orders;",
    "select count(*) from customers join orders on orders.number = customers.id;",
    "select name from names union all select 'x';",
    "with gone as (delete from orders where note is null returning id) select count(*) from gone;",
    "with c as (select * from orders) insert into customers (id) select id from c;",
    "update orders set note = 'x' where quantity = 4;",
    "update orders set note = 'x' where id > 4;",
    "delete from parts where at < '2026-06-01';",
    "delete from parts_1 where id % 2 = 0;",
    "delete from unknown_here where (id + 1) = 0;",
    "merge into orders using customers on orders.number = customers.id when matched then delete;",
    "do $$ begin perform count(*) from orders; end $$;",
    "do $$ begin if (select count(*) from orders) > 5 then null; end if; end $$;",
    "do $$ declare n int; begin n := (select count(*) from orders); end $$;",
    "do $$ declare r record; begin for r in select * from orders loop null; end loop; end $$;",
    "do $$ begin execute 'update orders set note = null where quantity > 1'; end $$;",
    "select fill();",
    "select * from listed();",
    "select outs(1);",
    "call cleared(1);",
    "select atomic_count();",
    "select outer_fill();",
    "select count_all();",
    "insert into customers (id) select count_all();",
    "call clean();",
    "alter table orders validate constraint positive;",
    "create index on orders (note);",
    "alter table orders alter column note set not null;",
    "alter table orders alter column number type numeric;",
    "alter table orders add foreign key (number) references customers;",
    "copy orders to '/tmp/x';",
    "explain analyze select count(*) from orders;",
    "prepare p as select count(*) from orders; execute p;",
    "insert into customers (id) select g from generate_series(1, 5000000) g;",
    "select pg_sleep(60);",
    "insert into customers (id) values ((select count(*) from orders));",
    "select * from orders order by note limit 1;",
]
QUIET = [
    "insert into customers (id) values (1), (2);",
    "insert into customers (id) select 1;",
    "insert into customers (id) select g from generate_series(1, 100) g;",
    "update orders set note = 'x' where id = 4;",
    "update orders set note = 'x' where customer_id in (4, 5);",
    "update orders o set note = c.name from customers c where c.id = 4 and o.customer_id = c.id;",
    "delete from orders where false;",
    "select setval('s', (select max(id) from orders));",
    "select 1 from orders limit 1;",
    "create table copied as select * from orders with no data;",
    "create materialized view m as select count(*) from orders with no data;",
    "explain select count(*) from orders;",
    "create table fresh (id int); insert into fresh values (1); update fresh set id = 2;",
    "create table fresh (id int); create index on fresh (id);",
    "create temp table t (id int); select count(*) from t;",
    "select count(*) from pg_class;",
    "select count(*) from information_schema.columns where table_name = 'x';",
    "do $$ begin if exists (select from pg_tables where tablename = 'x') then null; end if; end $$;",
    "alter table customers add column b int;",
    "comment on table orders is 'x';",
]
LOCKS = [
    "create trigger t before update on customers for each row execute function f();",
    "lock table customers in share mode;",
    "lock customers in exclusive mode;",
    "truncate customers;",
    "do $$ begin alter table customers add column region text; end $$;",
    "alter table customers rename column name to title;",
    "create table child (id bigint references customers);",
    "drop index orders_customer;",
    "create policy p on customers;",
]


def found(text: str) -> list[str]:
    return [each.what for each in linted(text, GIVEN) if each.rule == "work-under-lock"]


@pytest.mark.parametrize("work", WORK)
def test_work_after_a_lock_is_found_and_alone_it_is_not(work: str) -> None:
    assert found(LOCK + work)
    assert found(work) == []


@pytest.mark.parametrize("work", QUIET)
def test_what_takes_no_time_under_a_lock_is_left_in_peace(work: str) -> None:
    assert found(LOCK + work) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_lock_from_share_up_counts(lock: str) -> None:
    assert found(f"{lock}\nselect count(*) from orders;")


def test_a_weaker_lock_or_one_on_a_new_table_does_not_count() -> None:
    for lock in ("lock table customers in share update exclusive mode;", "create table fresh (id int);"):
        assert found(f"{lock}\nselect count(*) from orders;") == []
    assert found("drop table if exists no_such;\ncreate table no_such as select * from orders;") == []


def test_a_function_that_works_before_it_locks_is_not_blamed() -> None:
    body = "begin {} end"
    work, lock = "update orders set note = code where quantity > 1;", "alter table customers add column b int;"
    for first, second, said in ((work, lock, False), (lock, work, True)):
        made = f"create function g() returns void language plpgsql as '{body.format(first + second)}';\nselect g();"
        assert bool(found(made)) is said


def test_a_block_outside_a_transaction_holds_its_locks_until_its_end() -> None:
    block = "do $$ begin alter table customers add column b int; perform count(*) from orders; end $$;"
    outside = "-- ctgitops: no transaction\n"
    assert found(outside + block)
    assert found(f"{outside}{LOCK}select count(*) from orders;") == []


def test_it_names_the_locked_table_and_the_one_that_it_reads() -> None:
    (what,) = found(LOCK + 'select count(*) from "Big Data"."Events";')
    assert "blocks reads and writes on `customers` while it reads or changes many rows of `Big Data.Events`" in what
