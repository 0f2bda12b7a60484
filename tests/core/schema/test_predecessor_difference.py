"""What no migration explains between an environment and its predecessor."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from ctgitops.core.schema.compare import Added, Altered, Changes, compare
from ctgitops.core.schema.predecessor_difference import LedgerSchema, unexplained
from ctgitops.core.schema.server_difference import server_differences
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot, SnapshotSource
from tests.core.schema.test_compare import snapshots as all_snapshots

snapshots = all_snapshots.map(lambda each: Snapshot.of(o for o in each.objects if o.kind != "extension"))
few = settings(max_examples=40)
EMPTY = Snapshot()


def schema(expected: Snapshot, live: Snapshot) -> LedgerSchema:
    return LedgerSchema(expected, compare(expected, live), live)


@few
@given(snapshots, snapshots)
def test_without_changes_by_hand_migrations_explain_every_difference(a: Snapshot, b: Snapshot) -> None:
    assert unexplained(schema(a, a), schema(b, b), (a, a), {}) == ()


@few
@given(snapshots, snapshots)
def test_with_the_same_migrations_nothing_explains_a_difference(before: Snapshot, after: Snapshot) -> None:
    whole = {each.name for each in after.objects if not each.of}
    after = Snapshot.of(e for e in after.objects if not e.of or e.of in whole or e.key in before.by_key)
    assert unexplained(schema(before, before), schema(before, after), (before, before), {}) == compare(before, after)


@few
@given(snapshots, snapshots, snapshots)
def test_an_object_that_differs_is_one_that_was_changed_by_hand(a: Snapshot, b: Snapshot, live: Snapshot) -> None:
    by_hand = {change.object.key for change in compare(a, live)}
    for found in (
        unexplained(schema(a, live), schema(b, b), (a, a), {}),
        unexplained(schema(b, b), schema(a, live), (b, b), {}),
    ):
        assert {change.object.key for change in found} <= by_hand


TABLE = SchemaObject("table", "public.t", attributes={"owner": "stg"})
COLUMN = SchemaObject("column", "public.t.a", "public.t", {"type": "integer"})


def column(**attributes: str) -> SchemaObject:
    return replace(COLUMN, attributes={**COLUMN.attributes, **attributes})


def test_a_change_by_hand_stays_one_after_a_migration_that_alters_the_same_object() -> None:
    mine = schema(Snapshot.of([TABLE, COLUMN]), Snapshot.of([TABLE, column(default="1")]))
    theirs = Snapshot.of([TABLE, column(type="bigint")])
    (change,) = unexplained(schema(theirs, theirs), mine, (theirs, theirs), {})
    assert isinstance(change, Altered)
    assert change.attributes == (("default", None, "1"),)


def test_what_a_pending_migration_drops_is_gone_with_its_parts() -> None:
    mine = schema(Snapshot.of([TABLE]), Snapshot.of([TABLE, COLUMN]))
    assert unexplained(schema(EMPTY, EMPTY), mine, (EMPTY, EMPTY), {}) == ()


def test_the_role_of_each_environment_has_its_own_name() -> None:
    grant = SchemaObject("grant", "table public.t to prd", "public.t", {"privileges": "ALL"})
    privileges = SchemaObject("default privileges", "of prd tables to prd", attributes={"privileges": "ALL"})
    live = [
        [replace(TABLE, attributes={"owner": name}), *(replace(e, name=e.name.replace("prd", name)) for e in others)]
        for name, others in (("stg", (grant, privileges)), ("prd", (grant, privileges)))
    ]
    before, after = (schema(EMPTY, Snapshot.of(each)) for each in live)
    assert unexplained(before, after, (EMPTY, EMPTY), {"prd": "stg"}) == ()
    assert len(unexplained(before, after, (EMPTY, EMPTY), {})) == 5


def test_what_one_environment_accepts_or_ignores_is_left_out() -> None:
    before, after = schema(EMPTY, EMPTY), schema(EMPTY, Snapshot.of([TABLE, COLUMN]))
    assert unexplained(before, replace(after, ignored=("public.t",)), (EMPTY, EMPTY), {}) == ()
    assert unexplained(replace(before, ignored=("column *",)), after, (EMPTY, EMPTY), {}) == (Added(TABLE),)
    accepted = replace(before, accepted=(Added(TABLE),))
    assert unexplained(accepted, schema(EMPTY, EMPTY), (EMPTY, EMPTY), {}) == ()
    assert unexplained(accepted, after, (EMPTY, EMPTY), {}) == (Added(COLUMN),), "the same table as the accepted one"
    other = Snapshot.of([replace(TABLE, attributes={"owner": "x"})])
    (change,) = unexplained(accepted, schema(EMPTY, other), (EMPTY, EMPTY), {})
    assert change.object.key == TABLE.key, "another table than the accepted one"


def test_a_view_that_two_major_versions_print_differently_is_the_same() -> None:
    sides = []
    for version, text in (("14.1", "SELECT t.a FROM t"), ("18.1", "SELECT a FROM t")):
        view = SchemaObject("view", "public.v", attributes={"definition": text})
        expected, live = (Snapshot.of(each, SnapshotSource(version)) for each in ([], [view]))
        sides.append(LedgerSchema(expected, (Added(view),), live))
    assert unexplained(sides[0], sides[1], (sides[0].expected,) * 2, {}) == ()


def extension(version: str) -> Snapshot:
    return Snapshot.of([SchemaObject("extension", "hstore", attributes={"version": version})], SnapshotSource("17.1"))


@pytest.mark.parametrize(
    ("installed", "differs"), [(("1.8", "1.8"), True), (("1.7", "1.8"), False), (("1.8", "1.7"), True)]
)
def test_versions_of_extensions_differ_unless_the_servers_explain_it(
    installed: tuple[str, str], *, differs: bool
) -> None:
    sides = [
        LedgerSchema(extension(made), (), extension(live)) for made, live in zip(installed, ("1.7", "1.8"), strict=True)
    ]
    assert bool(unexplained(sides[0], sides[1], (sides[0].expected,) * 2, {})) is differs


def objects(*each: tuple[str, str]) -> Snapshot:
    return Snapshot.of(SchemaObject(kind, name) for kind, name in each)


ROLE, ADMIN, SETTING = "role a", "membership a in b", "setting lock_timeout of role a in this database"
QUOTED = 'membership "A b" in b'


@pytest.mark.parametrize(
    ("sql", "own", "left"),
    [
        ("", (), {ROLE, ADMIN, QUOTED, SETTING}),
        ("grant select on t to A", (), {ADMIN, QUOTED, SETTING}),
        ("grant select on b to A", (), {ADMIN, QUOTED, SETTING}),
        ("grant b to a; set lock_timeout = 1", (), {QUOTED, SETTING}),
        ("alter role all set lock_timeout to 1", (), {ROLE, ADMIN, QUOTED}),
        ("alter role a set my.lock_timeout = 1; set local lock_timeout = 1", (), {ADMIN, QUOTED, SETTING}),
        ("", ("a",), {QUOTED}),
        ("", ("A b",), {ROLE, ADMIN, SETTING}),
        ("", ("b",), {ROLE, ADMIN, QUOTED, SETTING}),
    ],
)
def test_roles_and_settings(sql: str, own: tuple[str, ...], left: set[str]) -> None:
    all_ = Snapshot.of(SchemaObject(each.split()[0], each.partition(" ")[2]) for each in (ROLE, ADMIN, QUOTED, SETTING))
    found: Changes = server_differences(EMPTY, all_, {}, own, sql)
    assert {str(change.object) for change in found} == left


def test_a_member_of_a_role_with_another_name_in_each_environment() -> None:
    before, after = (Snapshot.of([SchemaObject("membership", name)]) for name in ("x in stg", "x in prd"))
    assert server_differences(before, after, {"prd": "stg"}, (), "") == ()
    (change,) = server_differences(EMPTY, after, {"prd": "stg"}, (), "")
    assert str(change.object) == "membership x in stg"


def test_a_role_with_another_name_in_each_environment() -> None:
    before, after = (
        Snapshot.of(
            [SchemaObject("role", name, attributes=more), *(SchemaObject("setting", each) for each in settings)]
        )
        for name, more, settings in (
            ("A stg", {}, ()),
            ("A prd", {"bypass RLS": "yes"}, ('work_mem of role "A prd" in this database',)),
        )
    )
    same = {"A prd": "A stg"}
    found = server_differences(before, after, same, (), "")
    assert [str(each.object) for each in found] == [
        "role A stg", 'setting work_mem of role "A stg" in this database',
    ]  # fmt: skip
    assert server_differences(before, after, same, ("A stg",), "") == ()
    both = Snapshot.of([*before.objects, *after.objects, SchemaObject("membership", '"A prd" in c')])
    one_server = server_differences(both, both, same, (), "")
    assert [str(each.object).partition(" ")[0] for each in one_server] == ["role", "membership", "setting"]
    assert server_differences(EMPTY, after, same, (), "") == (), "only one of them uses `ctgitops roles`"


def test_attributes_of_a_role_are_explained_only_by_a_statement_about_it() -> None:
    before, after = (Snapshot.of([SchemaObject("role", "a", attributes={"login": x})]) for x in ("yes", "no"))
    assert server_differences(before, after, {}, (), "grant select on t to a") != ()
    assert server_differences(before, after, {}, (), "alter role a nologin") == ()
