"""The shape of query plans."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.benchmark.plan_tree import MOST_LINES, PlanChange, plan_lines

SCAN = {
    "Node Type": "Index Scan",
    "Schema": "public",
    "Relation Name": "orders",
    "Alias": "o",
    "Index Name": "orders_customer",
    "Index Cond": "(o.customer = 7)",
    "Total Cost": 8.3,
    "Plan Rows": 1,
}
JOIN = {"Node Type": "Hash Join", "Join Type": "Left", "Plans": [SCAN, {"Node Type": "Seq Scan"}]}
NODES = st.recursive(
    st.fixed_dictionaries({"Node Type": st.sampled_from(["Seq Scan", "Hash"])}),
    lambda inner: st.fixed_dictionaries({"Node Type": st.just("Append"), "Plans": st.lists(inner, max_size=4)}),
)


def test_a_plan_is_its_nodes_relations_indexes_and_join_order_without_costs() -> None:
    lines = ("Hash Join (Left)", "  Index Scan on public.orders o using orders_customer", "  Seq Scan")
    assert plan_lines([{"Plan": JOIN}]) == lines
    dearer = json.loads(json.dumps(JOIN).replace("8.3", "900"))
    assert plan_lines([{"Plan": dearer}]) == lines
    turned = {**JOIN, "Plans": [{"Node Type": "Seq Scan"}, SCAN]}
    assert plan_lines([{"Plan": turned}]) != lines


def test_an_index_that_is_read_as_a_whole_is_another_plan() -> None:
    whole = {key: value for key, value in SCAN.items() if key != "Index Cond"}
    change = PlanChange("s", plan_lines({"Plan": SCAN}), plan_lines({"Plan": whole}))
    assert not change.only_indexes
    renamed = plan_lines({"Plan": {**SCAN, "Index Name": "another one"}})
    assert PlanChange("s", plan_lines({"Plan": SCAN}), renamed).only_indexes


@given(NODES)
def test_each_node_has_a_line(root: dict[str, object]) -> None:
    count = json.dumps(root).count("Node Type")
    assert len(plan_lines([{"Plan": root}])) == min(count, MOST_LINES + 1)


@pytest.mark.parametrize("document", [None, "", 3, [], [3], {}, {"Plan": 3}, [{"Plans": []}]])
def test_another_document_has_no_lines(document: object) -> None:
    assert plan_lines(document) == ()
