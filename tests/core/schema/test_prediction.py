"""The predicted schema is compared with the actual one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from ctgitops.core.schema.compare import Added, Altered, compare
from ctgitops.core.schema.deparse import alike_once_read
from ctgitops.core.schema.prediction import Prediction, PredictionMismatch, changed, mismatch_of
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.core.trial.trial import unlike_copy
from tests.core.schema.test_compare import snapshots

TABLE, OTHER, BY_HAND = (SchemaObject("table", name) for name in ("t", "u", "v"))


@given(snapshots, snapshots)
def test_what_differs_between_two_schemas_leads_from_one_to_the_other(a: Snapshot, b: Snapshot) -> None:
    assert changed(a, compare(a, b)) == b
    assert mismatch_of(Prediction(b.fingerprint, compare(a, b)), a, b) is None


def test_what_came_instead_is_told() -> None:
    before, predicted, came = Snapshot.of([TABLE]), Snapshot.of([TABLE, OTHER]), Snapshot.of([TABLE, BY_HAND])
    prediction = Prediction(predicted.fingerprint, compare(before, predicted))
    assert mismatch_of(prediction, before, came) == PredictionMismatch(compare(predicted, came))


def test_another_schema_around_it_is_another_schema() -> None:
    before, predicted = Snapshot.of([TABLE]), Snapshot.of([TABLE, OTHER])
    prediction = Prediction(predicted.fingerprint, compare(before, predicted))
    with_more = Snapshot.of([TABLE, BY_HAND])
    assert mismatch_of(prediction, with_more, Snapshot.of([TABLE, OTHER, BY_HAND])) == PredictionMismatch()


WRITTEN = "CHECK (((a)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[])))"
READ_AGAIN = "CHECK (((a)::text = ANY (ARRAY[('x'::character varying)::text, ('y'::character varying)::text])))"
OTHER_VALUES = READ_AGAIN.replace("'y'", "'z'")


def check(definition: str, **more: str) -> SchemaObject:
    return SchemaObject("constraint", "t.a_check", "t", {"definition": definition, **more})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (WRITTEN, READ_AGAIN),
        ("CHECK ((((n >= 1) AND (n <= 5)) AND (n <> 3)))", "CHECK (((n >= 1) AND (n <= 5) AND (n <> 3)))"),
        ("DEFAULT '1'::numeric(10,2)", "DEFAULT '1'"),
        ("CHECK ((a = 'x'::public.\"my type\"[]))", "CHECK ((a = 'x'))"),
        ("SELECT (1)::text AS text UNION SELECT '2'::text", "SELECT (1)::text AS text UNION SELECT '2'::text AS text"),
        ("SELECT '2'::character varying", "SELECT '2'::character varying AS \"varchar\""),
        ("CHECK ((at > '2026-01-01'::timestamp(3) without time zone))", "CHECK ((at > '2026-01-01'))"),
    ],
)
def test_what_is_only_printed_otherwise_is_the_same(one: str, other: str) -> None:
    assert alike_once_read(check(one), check(other))
    assert unlike_copy(Snapshot.of([check(one)]), Snapshot.of([check(other)])) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (READ_AGAIN, OTHER_VALUES),
        ("CHECK ((a = '(x)'::text))", "CHECK ((a = 'x'::text))"),
        ("CHECK ((a = 'x::text'))", "CHECK ((a = 'x'))"),
        ("CHECK ((public.ok(a)))", "CHECK ((app.ok(a)))"),
        ("CHECK ((a > 1))", "CHECK ((a > 1)) NOT VALID"),
        ("SELECT (t.a)::text AS a", "SELECT (t.a)::text AS b"),
        ("SELECT (t.a)::text AS a", "SELECT (t.a)::text AS text"),
        ("SELECT '2'::text AS textual", "SELECT '2'::text"),
    ],
)
def test_what_is_more_than_printed_otherwise_is_not(one: str, other: str) -> None:
    assert not alike_once_read(check(one), check(other))
    assert unlike_copy(Snapshot.of([check(one)]), Snapshot.of([check(other)])) != ()


def test_only_expressions_are_printed_otherwise() -> None:
    one, other = (SchemaObject("function", "f()", "", {"body": body}) for body in ("begin (x) end", "begin x end"))
    assert not alike_once_read(one, other)


def test_a_change_to_a_copy_leaves_the_real_objects_print_and_rows_as_they_are() -> None:
    live = Snapshot.of([check(WRITTEN), SchemaObject("materialized view", "m", "", {"definition": "SELECT 1"})])
    unfilled = SchemaObject("materialized view", "m", "", {"definition": "SELECT 1", "populated": "no"})
    copy = Snapshot.of([check(READ_AGAIN), unfilled])
    assert unlike_copy(live, copy) == ()
    told = replace(unfilled, attributes={**unfilled.attributes, "comment": "of today"})
    after = Snapshot.of([check(READ_AGAIN, comment="x or y"), told])
    said = {each.key: each.attributes for each in changed(live, compare(copy, after)).objects}
    assert said["constraint", "t.a_check"] == {"definition": WRITTEN, "comment": "x or y"}
    assert said["materialized view", "m"] == {"definition": "SELECT 1", "comment": "of today"}


def test_what_postgresql_read_again_meanwhile_is_as_predicted_and_what_is_another_is_not() -> None:
    live = Snapshot.of([TABLE, check(WRITTEN)])
    changes = compare(Snapshot.of([TABLE, check(READ_AGAIN)]), Snapshot.of([TABLE, OTHER, check(READ_AGAIN)]))
    prediction = Prediction(changed(live, changes).fingerprint, changes)
    assert mismatch_of(prediction, live, Snapshot.of([TABLE, OTHER, check(WRITTEN)])) is None
    assert mismatch_of(prediction, live, Snapshot.of([TABLE, OTHER, check(READ_AGAIN)])) is None
    came = mismatch_of(prediction, live, Snapshot.of([TABLE, OTHER, check(OTHER_VALUES)]))
    assert came == PredictionMismatch((Altered(check(WRITTEN), check(OTHER_VALUES)),))
    elsewhere = Snapshot.of([TABLE, BY_HAND, check(WRITTEN)])
    assert (
        mismatch_of(prediction, elsewhere, Snapshot.of([TABLE, OTHER, BY_HAND, check(READ_AGAIN)]))
        == PredictionMismatch()
    )


def test_the_version_of_a_new_extension_is_that_of_each_server() -> None:
    here, there = (SchemaObject("extension", "vector", attributes={"version": v}) for v in ("0.8.0", "0.7.4"))
    prediction = Prediction(Snapshot.of([here]).fingerprint, (Added(here),))
    assert mismatch_of(prediction, Snapshot(), Snapshot.of([there])) is None
    assert mismatch_of(prediction, Snapshot(), Snapshot.of([there, BY_HAND])) == PredictionMismatch((Added(BY_HAND),))
