"""What was predicted is held against what came."""

from __future__ import annotations

from hypothesis import given

from ctgitops.core.compare import compare
from ctgitops.core.prediction import Prediction, Unkept, changed, unkept
from ctgitops.core.snapshot import SchemaObject, Snapshot
from tests.core.test_compare import snapshots

TABLE, OTHER, BY_HAND = (SchemaObject("table", name) for name in ("t", "u", "v"))


@given(snapshots, snapshots)
def test_what_differs_between_two_schemas_leads_from_one_to_the_other(a: Snapshot, b: Snapshot) -> None:
    assert changed(a, compare(a, b)) == b
    assert unkept(Prediction(b.fingerprint, compare(a, b)), a, b) is None


def test_what_came_instead_is_told() -> None:
    before, predicted, came = Snapshot.of([TABLE]), Snapshot.of([TABLE, OTHER]), Snapshot.of([TABLE, BY_HAND])
    prediction = Prediction(predicted.fingerprint, compare(before, predicted))
    assert unkept(prediction, before, came) == Unkept(compare(predicted, came))


def test_another_schema_around_it_is_another_schema() -> None:
    before, predicted = Snapshot.of([TABLE]), Snapshot.of([TABLE, OTHER])
    prediction = Prediction(predicted.fingerprint, compare(before, predicted))
    with_more = Snapshot.of([TABLE, BY_HAND])
    assert unkept(prediction, with_more, Snapshot.of([TABLE, OTHER, BY_HAND])) == Unkept()
