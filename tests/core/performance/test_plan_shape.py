"""The shape of a plan has its scans, and what is explained is one query."""

from __future__ import annotations

import pytest

from ctgitops.core.performance.plan_shape import shape_of
from ctgitops.sql.explainable import is_explainable

JOIN = [
    {
        "Plan": {
            "Node Type": "Nested Loop",
            "Plans": [
                {"Node Type": "Index Scan", "Relation Name": "orders", "Index Name": "orders_pkey"},
                {
                    "Node Type": "Bitmap Heap Scan",
                    "Relation Name": "lines",
                    "Plans": [{"Node Type": "Bitmap Index Scan", "Index Name": "lines_order"}],
                },
                {"Node Type": "Seq Scan", "Relation Name": "customers"},
            ],
        }
    }
]


def test_a_shape_has_the_scans_in_order() -> None:
    assert shape_of(JOIN) == (
        "Index Scan on orders using orders_pkey, Bitmap Index Scan using lines_order, Seq Scan on customers"
    )
    assert shape_of([{"Plan": {"Node Type": "Result"}}]) == ""
    assert shape_of("nonsense") == ""
    assert len(shape_of([{"Plan": {"Node Type": "Append", "Plans": [JOIN[0]["Plan"]] * 50}}])) == 300


@pytest.mark.parametrize(
    "text",
    ["select $1", "update a set b = $1 where c = $2", "with x as (select 1) select * from x", "values ($1)"],
)
def test_one_query_is_explained(text: str) -> None:
    assert is_explainable(text)


@pytest.mark.parametrize(
    "text",
    [
        "select 1; drop table x",
        "drop table x",
        "select $1 into x",
        "create table x as select 1",
        "explain analyze select 1",
        "copy x to stdout",
        "not sql",
        "",
    ],
)
def test_anything_else_is_not(text: str) -> None:
    assert not is_explainable(text)
