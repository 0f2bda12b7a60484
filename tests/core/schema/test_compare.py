"""Properties of comparing two schemas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.schema.compare import (
    KINDS,
    Added,
    Altered,
    Changes,
    Removed,
    compare,
    mirrored,
    without,
    without_access_of,
)
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot, SnapshotSource, snapshot_from, snapshot_text
from ctgitops.errors import UsageError

_names = st.sampled_from(["public.a", "public.b", "x.a", 'public."A b"', "public.é"])
_objects = st.builds(
    SchemaObject,
    st.sampled_from([*KINDS[:8], "table", "column", "a kind of tomorrow"]),
    _names,
    st.sampled_from(["", "public.a", "x.a"]),
    st.dictionaries(st.sampled_from(["owner", "type", "body"]), st.text(max_size=5), max_size=3),
)
snapshots = st.lists(_objects, unique_by=lambda each: each.key, max_size=12).map(Snapshot.of)


@given(snapshots)
def test_a_schema_differs_in_nothing_from_itself(a: Snapshot) -> None:
    assert compare(a, a) == ()


@given(snapshots, snapshots)
def test_compared_the_other_way_round_the_difference_is_the_mirror(a: Snapshot, b: Snapshot) -> None:
    assert compare(b, a) == mirrored(compare(a, b))


@given(snapshots, snapshots)
def test_the_changes_carried_out_on_the_first_schema_give_the_second(a: Snapshot, b: Snapshot) -> None:
    assert Snapshot.of(_carried_out(a, compare(a, b))).objects == b.objects


@given(snapshots, snapshots)
def test_schemas_have_equal_fingerprints_exactly_where_nothing_differs(a: Snapshot, b: Snapshot) -> None:
    assert (a.fingerprint == b.fingerprint) is (compare(a, b) == ())


@given(snapshots, st.randoms())
def test_the_order_in_which_objects_come_makes_no_difference(a: Snapshot, random: object) -> None:
    shuffled = list(a.objects)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert Snapshot.of(shuffled) == a
    assert Snapshot.of(shuffled).fingerprint == a.fingerprint


@given(snapshots)
def test_a_snapshot_is_read_from_its_file_as_it_was_written(a: Snapshot) -> None:
    assert snapshot_from(snapshot_text(a), "a.json") == a


def test_a_snapshot_that_somebody_changed_is_refused() -> None:
    text = snapshot_text(Snapshot.of([SchemaObject("schema", "app", attributes={"owner": "ann"})]))
    with pytest.raises(UsageError, match=r"a\.json was edited"):
        snapshot_from(text.replace("ann", "bob"), "a.json")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "objects": [{}], "server_version": ""}']
)
def test_a_file_that_is_no_snapshot_is_told_so(text: str) -> None:
    with pytest.raises(UsageError, match=r"a\.json is not a snapshot"):
        snapshot_from(text, "a.json")


def test_a_snapshot_of_another_format_is_refused() -> None:
    text = snapshot_text(Snapshot()).replace('"format": 1', '"format": 2')
    with pytest.raises(UsageError, match="format 2"):
        snapshot_from(text, "a.json")


def test_a_table_is_told_with_its_parts_and_after_what_it_rests_on() -> None:
    before = Snapshot()
    after = Snapshot.of(
        [
            SchemaObject("view", "public.a_view"),
            SchemaObject("index", "public.a_index", "public.users"),
            SchemaObject("column", "public.users.id", "public.users"),
            SchemaObject("table", "public.users"),
            SchemaObject("table", "public.accounts"),
            SchemaObject("enum", "public.zoo"),
        ]
    )
    assert [str(change.object) for change in compare(before, after)] == [
        "enum public.zoo",
        "table public.accounts",
        "table public.users",
        "column public.users.id",
        "index public.a_index",
        "view public.a_view",
    ]


def test_what_is_altered_tells_each_attribute_with_both_values() -> None:
    old = SchemaObject("column", "public.a.b", "public.a", {"type": "integer", "not_null": "yes"})
    new = SchemaObject("column", "public.a.b", "public.a", {"type": "bigint", "default": "0"})
    (change,) = compare(Snapshot.of([old]), Snapshot.of([new]))
    assert isinstance(change, Altered)
    assert change.attributes == (("type", "integer", "bigint"), ("not_null", "yes", None), ("default", None, "0"))


@pytest.mark.parametrize("pattern", ["public.events_p*", "table public.events_p2026", "public.events_p2026"])
def test_a_pattern_leaves_out_an_object_and_its_parts(pattern: str) -> None:
    table = SchemaObject("table", "public.events_p2026")
    column = SchemaObject("column", "public.events_p2026.id", "public.events_p2026")
    other = SchemaObject("table", "public.users")
    left = without(compare(Snapshot(), Snapshot.of([table, column, other])), (pattern,))
    assert Added(other) in left
    assert Added(table) not in left
    if not pattern.startswith("table "):
        assert left == (Added(other),)


def _carried_out(a: Snapshot, changes: Changes) -> list[SchemaObject]:
    objects = dict(a.by_key)
    for change in changes:
        match change:
            case Added(each) | Altered(_, each):
                objects[each.key] = each
            case Removed(each):
                del objects[each.key]
    return list(objects.values())


def test_between_majors_what_they_print_differently_is_no_difference() -> None:
    old = SchemaObject("view", "public.v", attributes={"definition": " SELECT t.id\n FROM public.t WHERE (t.id > 1);"})
    new = SchemaObject("view", "public.v", attributes={"definition": " SELECT id\n FROM public.t WHERE id > 1;"})
    other = SchemaObject("view", "public.v", attributes={"definition": " SELECT id\n FROM public.t WHERE id > 2;"})
    assert compare(Snapshot.of([old], SnapshotSource("15.18")), Snapshot.of([new], SnapshotSource("16.1"))) == ()
    assert compare(Snapshot.of([old], SnapshotSource("15.18")), Snapshot.of([new], SnapshotSource("15.1"))) != ()
    assert compare(Snapshot.of([old], SnapshotSource("15.18")), Snapshot.of([other], SnapshotSource("16.1"))) != ()


def test_privileges_on_schemas_of_the_role_that_applies_are_left_out() -> None:
    def grant(name: str) -> SchemaObject:
        return SchemaObject("grant", name, attributes={"privileges": "ALL"})

    kept = (Added(grant("schema public to reader")), Added(grant("table t to migrator")))
    lost = Removed(grant("schema public to migrator"))
    left_out = (Added(grant("schema public to migrator")), Added(grant('schema a to "My ""role"')))
    assert without_access_of("migrator", (*kept, lost, *left_out)) == (*kept, lost, left_out[1])
    assert without_access_of('My "role', left_out) == left_out[:1]
    assert without_access_of(None, (*kept, lost, *left_out)) == (kept[1], lost), "no ledger names the role yet"
