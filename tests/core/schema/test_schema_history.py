"""A comparison of what changed finds what a comparison of whole schemas finds."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.schema.compare import compare
from ctgitops.core.schema.schema_history import SchemaComparison, SchemaHistory, changed_objects
from ctgitops.core.schema.snapshot import Snapshot
from tests.core.schema.test_compare import snapshots


@given(st.lists(snapshots, min_size=1, max_size=6), st.lists(st.tuples(st.integers(0, 5), snapshots), max_size=6))
def test_differences_are_those_of_whole_schemas(steps: list[Snapshot], looks: list[tuple[int, Snapshot]]) -> None:
    history = SchemaHistory(steps[0])
    for number, (before, after) in enumerate(pairwise(steps), 1):
        history.add(number, changed_objects(before, after))
    assert history.last == steps[-1]
    comparison, last = SchemaComparison(history), steps[0]
    for number, found in sorted(looks, key=lambda look: look[0]):
        expected = steps[min(number, len(steps) - 1)]
        assert comparison.differences(number, changed_objects(last, found)) == compare(expected, found)
        assert comparison.agrees(found)
        last = found


@given(snapshots, snapshots, snapshots)
def test_two_looks_after_the_same_step_are_one(first: Snapshot, second: Snapshot, third: Snapshot) -> None:
    history = SchemaHistory(first)
    assert not history.has(1)
    history.add(1, changed_objects(first, second))
    history.add(1, changed_objects(second, third))
    assert history.has(1)
    assert history.last == third


@given(snapshots, snapshots)
def test_a_change_that_was_missed_does_not_agree(first: Snapshot, second: Snapshot) -> None:
    comparison = SchemaComparison(SchemaHistory(first))
    comparison.differences(0, {})
    assert comparison.agrees(second) == (first == second)
