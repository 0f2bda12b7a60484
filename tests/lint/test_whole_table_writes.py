"""Writes of a whole table, in any words. PostgreSQL counts the rows that a condition lets through."""

from __future__ import annotations

import random

import pytest

from ctgitops.lint.catalog import Catalog
from ctgitops.lint.fold import apply
from ctgitops.sql.nodes import Name
from ctgitops.sql.parse import trees
from ctgitops.sql.tautology import always_true
from tests.lint.examples import TABLES, linted, rules_found
from tests.servers import fetch, run, session

ORDERS: Name = ("public", "orders")
TRUE = [
    "true", "not false", "1 = 1", "2 > 1", "'a' <> 'b'", "id = id", "orders.id >= orders.id", "id is not null",
    "1 is not null", "'t'::boolean", "1::bool", "(1 = 1) and true", "id = 7 or true", "not (1 = 0)", "not not true",
    "id in (select id from orders)", "id = any (select id from orders)", "exists (select 1)",
    "(1 = 1) is true", "1 in (2, 1)",
]  # fmt: skip
NOT_CERTAIN = [
    "false", "1 = 2", "id = 7", "id > 0", "id = quantity", "id in (select id from orders limit 1)", "note is not null",
    "id in (select id from orders where id = 1)", "exists (select 1 from orders where id = 0)", "not true",
    "id <> id", "true and id = 1", "id in (select quantity from orders)", "id < all (select id from orders)",
]  # fmt: skip
FILLED = "insert into orders select n, n, n, n, n + 1, null, n::text from generate_series(1, 9) n;"


def judged(condition: str) -> bool:
    catalog = Catalog(complete=True)
    for tree in trees(TABLES):
        apply(catalog, tree.kind, tree.node)
    where = trees(f"delete from orders where {condition}")[0].node["whereClause"]
    return always_true(where, catalog.tables[ORDERS])


def test_a_condition_that_is_called_true_lets_every_row_through(database_url: str) -> None:
    run(database_url, TABLES + FILLED)
    rows = {c: fetch(database_url, f"select count(*) from orders where {c}")[0][0] for c in TRUE + NOT_CERTAIN}
    assert {c: rows[c] for c in TRUE if rows[c] != 9} == {}
    assert [c for c in TRUE if not judged(c)] == []
    assert [c for c in NOT_CERTAIN if judged(c)] == []


def conditions(count: int) -> list[str]:
    """Random combinations of the conditions above, the same in each run."""
    rng, found = random.Random(7), TRUE + NOT_CERTAIN  # noqa: S311 - the same in each run
    for _ in range(count):
        one, two = rng.choice(found), rng.choice(found)
        shapes = (f"({one}) and ({two})", f"({one}) or ({two})", f"not ({one})", f"({one}) is true")
        found = [*found, rng.choice([shape for shape in shapes if len(shape) < 400] or [one])]
    return found


def test_no_combination_of_conditions_is_called_true_wrongly(database_url: str) -> None:
    run(database_url, TABLES + FILLED)
    found = conditions(600)
    counts = ", ".join(f"count(*) filter (where {condition})" for condition in found)
    (rows,) = fetch(database_url, f"select {counts} from orders")
    called = [judged(condition) for condition in found]
    assert [c for c, true, count in zip(found, called, rows, strict=True) if true and count != 9] == []
    assert sum(called) > 100


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("delete from orders where true;", ["no-where"]),
        ("delete from orders where id > 0;", ["backfill"]),
        ("delete from orders where id = 1;", []),
        ("update orders set note = '' where 1 = 1;", ["no-where"]),
        ("delete from orders using customers;", ["no-where"]),
        ("delete from orders using customers where customers.id = orders.id;", ["backfill"]),
        ("with gone as (delete from orders returning id) select count(*) from gone;", ["no-where"]),
        ("with a as (select 1), gone as (delete from orders) insert into customers select 1;", ["no-where"]),
        ("insert into customers with gone as (delete from orders returning id) select id from gone;", ["no-where"]),
        ("with gone as (delete from orders where id = 1) update customers set name = '';", ["no-where"]),
        ("explain analyze delete from orders;", ["no-where"]),
        ("explain delete from orders;", []),
        ("prepare p as delete from orders;", ["no-where"]),
        ("copy (delete from orders returning id) to stdout;", ["no-where"]),
        ("do $$ begin delete from orders where true; end $$;", ["no-where"]),
        ("do $$ begin execute 'delete from orders where 1 = 1'; end $$;", ["no-where"]),
        ("merge into orders using customers on true when matched then delete;", ["no-where"]),
        ("merge into orders using customers c on c.id = orders.id when matched then delete;", ["backfill"]),
        (
            "merge into orders using customers c on c.id = orders.id when matched and orders.id = 1 then delete;",
            [],
        ),
        ("merge into orders using (values (1)) v (id) on v.id = orders.id when matched then delete;", []),
        ("merge into orders using customers c on c.id = orders.id when not matched then insert (id) values (1);", []),
        ("create temp table t as select 1 as id;\ndelete from t;", []),
        ("delete from orders where length('a') = 1;", ["backfill"]),
        ("delete from orders where id is distinct from null;", ["backfill"]),
        ("delete from orders where not (id = 1);", ["backfill"]),
        ("delete from orders where id = 1 or note is null;", ["backfill"]),
        ("delete from orders where (id > 0) = true;", ["backfill"]),
        ("delete from orders where id not in (1, 2);", ["backfill"]),
        ("delete from orders where id in (select customer_id from orders);", ["backfill"]),
        ("delete from orders where 1 = id;", []),
        ("delete from orders where id = any (array[1, 2]) and amount > 0;", []),
        ("delete from orders where (id, number) = (1, 2::bigint);", []),
        ("delete from orders where id = (select max(id) from orders);", []),
        ("delete from orders where id in (select id from customers where name = 'Ana');", []),
        (
            "insert into orders (id) select id from customers on conflict (id) do update set note = '';",
            ["backfill"],
        ),
        ("insert into orders (id) values (1) on conflict (id) do update set note = '';", []),
        ("insert into orders (id) select id from customers on conflict (id) do nothing;", []),
    ],
)
def test_a_write_of_a_whole_table_is_found_in_any_words(text: str, rules: list[str]) -> None:
    assert rules_found(text) == rules


WRITES = [
    "delete from orders",
    "delete from orders where true",
    "delete from orders where id > 3",
    "delete from orders as o where o.id > 3 and o.quantity is not null",
    "update orders set note = ''",
    "update orders set note = 'x', amount = quantity * 2 where id > 2",
    "update orders o set note = o.code where o.id > 2",
    "update lines set note = 'x'",
    "delete from lines where note is null",
    "update pairs set note = 'x' where a > 1",
]
MORE = """
create table lines (note text);
create table pairs (a int, b int, note text, primary key (a, b));
insert into lines select null from generate_series(1, 9);
insert into pairs select n, n from generate_series(1, 9) n;
"""
ROWS = "select array(select t::text from {} t order by 1)"


def proposed(text: str) -> str:
    """The batched statement that is proposed for a statement."""
    (finding,) = linted(f"{text};", MORE)
    return finding.instead.split("`")[3]


@pytest.mark.parametrize("text", WRITES)
def test_the_proposed_batches_do_what_the_statement_does(text: str, database_url: str) -> None:
    run(database_url, TABLES + FILLED + MORE)
    table = next(name for name in ("orders", "lines", "pairs") if name in text)
    with session(database_url) as connection:
        connection.execute("begin")
        connection.execute(text.encode())
        at_once = connection.execute(ROWS.format(table).encode()).fetchone()
        connection.execute("rollback")
        counts = [connection.execute(proposed(text).replace("$1", "2").encode()).rowcount for _ in range(7)]
        assert connection.execute(ROWS.format(table).encode()).fetchone() == at_once
    assert counts[-1] == 0
    assert set(counts) <= {0, 1, 2}


@pytest.mark.parametrize(
    "text",
    [
        "update orders set quantity = quantity + 1",
        "update orders set (note, code) = ('a', 'b')",
        "update orders set note = default",
        "update orders set note = gen_random_uuid()::text",
        "update orders set note = (select max(name) from customers)",
        "delete from orders using customers where customers.id = orders.id",
        "with gone as (select 1) delete from orders",
        "merge into orders using customers c on c.id = orders.id when matched then delete",
    ],
)
def test_a_write_that_no_condition_can_divide_gets_the_beginning_of_one(text: str) -> None:
    """A second `quantity + 1` of the same row would be wrong, and nothing shows which rows have had the first."""
    assert "WHERE … LIMIT $1 FOR UPDATE SKIP LOCKED" in proposed(text)
