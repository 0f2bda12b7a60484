"""Writes of a whole table, in any words. PostgreSQL counts the rows that a condition lets through."""

from __future__ import annotations

import pytest

from ctgitops.lint.catalog import Catalog
from ctgitops.lint.fold import apply
from ctgitops.lint.nodes import Name
from ctgitops.lint.tautology import always_true
from ctgitops.sql.batch import shape_faults, shape_of
from ctgitops.sql.parse import trees
from tests.lint.examples import TABLES, linted, rules_found
from tests.servers import fetch, run

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


def test_the_proposed_batch_is_one_that_the_runner_takes_once_its_gaps_are_filled() -> None:
    for text in ("delete from orders;", "update orders set note = '';"):
        (finding,) = linted(text)
        sql = finding.instead.split("`")[3]
        sql = sql.replace("… (true only for rows that are not updated yet)", "note <> ''").replace("…", "note = ''")
        (tree,) = trees(sql)
        assert list(shape_faults(shape_of(tree.kind, tree.node), 0)) == []
        assert "orders.id = batch.id" in sql
