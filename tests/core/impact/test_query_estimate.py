"""Properties of a query's estimated time: it grows with tables, and what cannot be known is not guessed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.impact.impact import Held, RelationWork, StatementImpact, StepImpact, Work
from ctgitops.core.impact.projection import Bucket, effect_of, effects, tables_of
from ctgitops.core.impact.query import Node
from ctgitops.core.impact.query_estimate import Estimator, UnknownTimeError, share_of
from ctgitops.core.impact.size import Column, Rates, Size
from ctgitops.sql.locks import LockMode

RATES = Rates(scanned=17e6, checked=10e6, indexed=0.4e6, rewritten=1.2e6, pages=18_000)
SCAN = Node("Seq Scan", "public.big", 2200)
UPDATE = Node("ModifyTable", "public.big", operation="Update", children=(SCAN,))
SMALL = Held("public.small", LockMode.ACCESS_EXCLUSIVE)
ALTER = StatementImpact(1, taken=(SMALL,), held=(SMALL,))
COLUMNS = {"flag": Column(0.25, 2), "id": Column(0, -1), "k": Column(0.5, -0.5)}
BIG = {"public.big": Size(5e6, 30_000, 11_000, columns=COLUMNS), "public.small": Size(10, 1)}


def bucket(*later: StatementImpact) -> Bucket | None:
    (wait,) = effect_of(StepImpact((ALTER, *later)), BIG, RATES).waits
    return wait.bucket


def plans(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    kinds = st.sampled_from(["Hash Join", "Nested Loop", "Sort", "Aggregate", "Append", "ModifyTable", "Result"])
    return st.builds(
        lambda kind, children, repeated: Node(
            kind,
            "public.big" if kind == "ModifyTable" else "",
            operation="Update" if kind == "ModifyTable" else "",
            repeated=repeated,
            children=tuple(children),
        ),
        kinds,
        st.lists(nodes, min_size=1, max_size=2),
        st.booleans(),
    )


LEAVES = st.builds(Node, st.sampled_from(["Seq Scan", "Index Scan"]), st.just("public.big"), st.just(5.0))
TREES = st.recursive(LEAVES, plans, max_leaves=4)


@given(TREES, st.floats(0, 1e8), st.floats(1, 100))
def test_a_query_never_takes_less_on_a_larger_table(plan: Node, rows: float, times: float) -> None:
    small, large = ({"public.big": Size(each, round(each / 100))} for each in (rows, rows * times))
    assert Estimator(small, RATES).of(plan).seconds <= Estimator(large, RATES).of(plan).seconds * 1.01 + 1e-3


@given(TREES)
def test_a_table_of_unknown_size_makes_the_time_unknown(plan: Node) -> None:
    with pytest.raises(UnknownTimeError):
        Estimator({}, RATES).of(plan)


def test_an_update_under_the_lock_of_another_table_prolongs_that_lock() -> None:
    assert bucket() is Bucket.INSTANT
    assert bucket(StatementImpact(2, queries=(UPDATE,))) is Bucket.MINUTES


def test_what_was_read_without_a_plan_makes_the_time_unknown() -> None:
    assert bucket(StatementImpact(2, unmeasured=("public.big",))) is None
    assert tables_of([StepImpact((ALTER, StatementImpact(2, unmeasured=("public.big",))))]) == (
        "public.small",
        "public.big",
    )


def test_what_took_long_without_rows_takes_as_long_with_them() -> None:
    assert bucket(StatementImpact(2, millis=12_000)) is Bucket.UNDER_A_MINUTE


def test_tables_that_the_plan_fills_are_as_large_as_their_source() -> None:
    fill = StatementImpact(2, queries=(SCAN,), filled=("public.copy",))
    build = StatementImpact(3, worked=(RelationWork(Work.INDEX, "public.copy", "i", fresh=True),))
    read = StatementImpact(4, queries=(Node("Seq Scan", "public.copy", fresh=True),))
    assert bucket(build, read) is Bucket.INSTANT
    both = effects({1: StepImpact((fill,)), 2: StepImpact((ALTER, build, read))}, BIG, RATES, {})
    assert [wait.bucket for wait in both[2].waits] == [Bucket.UNDER_A_MINUTE]


def test_a_table_filled_from_one_of_unknown_size_has_an_unknown_size() -> None:
    fill = StatementImpact(2, queries=(replace(SCAN, relation="public.else"),), filled=("public.copy",))
    read = StatementImpact(4, queries=(Node("Seq Scan", "public.copy", fresh=True),))
    both = effects({1: StepImpact((fill,)), 2: StepImpact((ALTER, read))}, BIG, RATES, {})
    assert [wait.bucket for wait in both[2].waits] == [None]


@pytest.mark.parametrize(
    ("condition", "share"),
    [
        ("", 1.0),
        ("(big.flag IS NULL)", 0.25),
        ("(big.flag IS NOT NULL)", 0.75),
        ("(big.id = 5)", 1 / 5e6),
        ("((big.k)::text = 'x'::text)", 0.5 / 2.5e6),
        ("((big.flag IS NULL) AND (big.id < 4))", 0.25),
        ("((big.flag IS NULL) OR (big.id = 4))", None),
        ("(big.added IS NULL)", None),
        ("(big.id > 4)", None),
    ],
)
def test_statistics_tell_the_share_of_a_condition_or_nothing(condition: str, share: float | None) -> None:
    assert share_of(condition, BIG["public.big"]) == (None if share is None else pytest.approx(share))


def test_a_row_found_by_its_key_is_found_at_once_in_a_table_of_any_size() -> None:
    key = Node("Index Scan", "public.big", 1, condition="(big.id = 5)")
    assert Estimator(BIG, RATES).of(key).rows == pytest.approx(1)
    assert bucket(StatementImpact(2, queries=(replace(UPDATE, children=(key,)),))) is Bucket.INSTANT


def test_a_query_for_each_row_is_as_long_as_there_are_rows() -> None:
    each = replace(SCAN, relation="public.small", repeated=True)
    once = Estimator(BIG, RATES).of(replace(SCAN, children=(replace(each, repeated=False, once=True),))).seconds
    assert Estimator(BIG, RATES).of(replace(SCAN, children=(each,))).seconds > 5 * once
