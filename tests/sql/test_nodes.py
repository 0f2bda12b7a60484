"""Parse trees of any depth can be walked, on every Python version; and names are read from them."""

from __future__ import annotations

import pytest

from ctgitops.sql.deparse import count_where, index_on_probe
from ctgitops.sql.nodes import Node, dropped_names, walk
from ctgitops.sql.parse import (
    batch_shape,
    enum_values_used,
    statements,
    trees,
    what_it_destroys,
)
from ctgitops.sql.row_requirements import demands
from tests.servers import quickly

SUM = "+".join("n" for _ in range(3000))
PARENTHESES = "(" * 700 + "n > 0" + " and true)" * 700


@pytest.mark.parametrize("expression", quickly([f"{SUM} > 0", PARENTHESES], alone=[PARENTHESES]))
@pytest.mark.parametrize(
    "statement",
    [
        "alter table t add constraint c check ({})",
        "create unique index on t (n) where {}",
        "create unique index on t (({}))",
        "create table t (n int, check ({}), p int references p)",
        "alter table t alter n type int using case when {} then 1 end",
        "alter type e add value 'x'; select {}",
        "with gone as (delete from t where {} returning *) select * from gone",
        "update t set n = 1 where id in (select id from t where {} limit $1)",
    ],
)
def test_what_is_nested_deeply_is_read_as_far_as_anybody_needs(statement: str, expression: str) -> None:
    sql = statement.format(expression)
    assert statements(sql)
    assert [list(demands(tree.kind, tree.node)) for tree in trees(sql)]
    assert list(what_it_destroys(sql)) or "update" not in sql
    assert not enum_values_used(sql)
    assert batch_shape(sql).kind == statements(sql)[0].kind


@pytest.mark.slow
def test_more_terms_than_the_parser_has_stack_for_are_read() -> None:
    assert len(statements("select " + "+".join("n" for _ in range(100_000)))) == 1


@pytest.mark.parametrize("statement", ["delete from t where {}", "update t set n = 1 where {}"])
def test_a_condition_that_is_nested_too_deeply_is_not_counted_by(statement: str) -> None:
    assert not count_where(statement.format(f"{SUM} > 0"))
    assert not count_where(statement.format("+".join("n" for _ in range(100_000)) + "> 0"))
    assert count_where(statement.format("n > 0")) == "SELECT pg_catalog.count(*) FROM t WHERE n > 0"


def test_an_index_on_what_is_nested_too_deeply_is_not_written_for_another_table() -> None:
    assert not index_on_probe(f"create index concurrently on t (({SUM}))", "probe")
    (demand,) = demands(*_only(f"create unique index on t (({SUM}))"))
    assert demand.unseen and not demand.violating


def test_what_was_cut_away_reaches_out() -> None:
    (demand,) = demands(*_only(f"alter table t add check ({SUM} > 0)"))
    assert demand.unseen and not demand.violating


def _only(sql: str) -> tuple[str, Node]:
    (tree,) = trees(sql)
    return tree.kind, tree.node


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ('drop table a, s.b, "C.d"', [("a",), ("s", "b"), ("C.d",)]),
        ("drop function s.f(int)", [("s", "f")]),
        ("drop schema x", [("x",)]),
        ("drop type s.t", [("s", "t")]),
        ("drop trigger g on s.t", [("s", "t", "g")]),
    ],
)
def test_the_names_of_a_drop(sql: str, names: list[tuple[str, ...]]) -> None:
    (tree,) = trees(sql)
    assert list(dropped_names(tree.node)) == names


def test_a_walk_is_in_the_order_in_which_it_stands_there() -> None:
    (tree,) = trees("select a, (b + c), 1 from t")
    assert [kind for kind, _ in walk(tree.node) if kind in {"ColumnRef", "A_Const", "RangeVar"}] == [
        *("ColumnRef", "ColumnRef", "ColumnRef", "A_Const", "RangeVar")
    ]
