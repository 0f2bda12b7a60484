"""The text of a squashed file, and every difference that its proof must find."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.plan.plan import Direction, Step
from ctgitops.core.run.squash_proof import differences, kept_tables, refuse_outside_schema, squashed_sql
from ctgitops.core.schema.contents import Contents, StoredColumn, TableRows
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.errors import WorkspaceError
from ctgitops.sql.script import Script

ID, NAME, ADDED = StoredColumn("id", always=True), StoredColumn("name"), StoredColumn("added", fills_itself=True)
COLUMNS = (ID, NAME, ADDED)
ROWS = (("'10'", "'b'", "'noon'"), ("'9'", "NULL", "'noon'"))
PEOPLE = TableRows("public.people", COLUMNS, ROWS)
EMPTY = Contents(18, ("CREATE SCHEMA public",), (), (), (), (), (), 0, (), Snapshot(()))
FILLED = replace(
    EMPTY,
    before_rows=("CREATE SCHEMA public", "CREATE TABLE people"),
    after_rows=("CREATE INDEX one",),
    tables=(PEOPLE,),
    sequences=(("public.s", "5", "true"),),
    populated=("public.m",),
    of_extensions=(("public.e", "hash"),),
    roles=("create role r",),
    shared=(("role r", "t"),),
)
STEPS = (
    Step(Direction.APPLY, 1, "001_a", None, "1", Script("create table people ();", "migrations/001_a.sql")),
    Step(
        Direction.APPLY,
        2,
        "002_b",
        None,
        "2",
        Script("select 1;\ninsert into people values (1);", "migrations/002_b.sql"),
    ),
)


def with_rows(*rows: tuple[str, ...]) -> Contents:
    return replace(FILLED, tables=(replace(PEOPLE, rows=rows),))


@given(st.permutations(ROWS))
def test_the_order_of_the_rows_does_not_matter(rows: list[tuple[str, ...]]) -> None:
    """Seen to fail without the sort in `TableRows.only`."""
    other = with_rows(*rows)
    tables = kept_tables(other, FILLED, STEPS)
    assert squashed_sql(EMPTY, other, tables) == squashed_sql(EMPTY, FILLED, kept_tables(FILLED, FILLED, STEPS))
    assert differences(FILLED, other, tables) == ()


def test_the_text() -> None:
    later = with_rows(*((number, name, "'later'") for number, name, _ in ROWS))
    (table,) = tables = kept_tables(FILLED, later, STEPS)
    assert table.defaulted == (ADDED,)
    parts = [part for part in squashed_sql(EMPTY, FILLED, tables).split("\n\n") if "set local" not in part]
    assert parts == [
        "create role r;",
        "CREATE TABLE people;",
        "insert into public.people (id, name) overriding system value values\n    ('9', NULL),\n    ('10', 'b');",
        "select pg_catalog.setval('public.s', 5, true);",
        "CREATE INDEX one;",
        "refresh materialized view public.m;",
    ]


def test_the_current_date_is_left_to_the_default() -> None:
    """Two replays of one day give the same date, and a new database must get its own."""
    today = replace(ADDED, today=True)
    found = replace(FILLED, tables=(replace(PEOPLE, columns=(ID, NAME, today)),))
    (table,) = kept_tables(found, found, STEPS)
    assert (table.columns, table.defaulted) == ((ID, NAME), (today,))


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ((("'10'", "'other'", "'noon'"), ROWS[1]), "public.people in name"),
        ((("'10'", "NULL", "'noon'"), ("'9'", "'b'", "'noon'")), "public.people"),
        ((ROWS[0],), "public.people in id, name"),
        ((), "public.people"),
    ],
)
def test_rows_that_differ_between_two_replays_are_refused(rows: tuple[tuple[str, ...], ...], what: str) -> None:
    other = with_rows(*rows) if rows else replace(FILLED, tables=())
    with pytest.raises(WorkspaceError) as refused:
        kept_tables(FILLED, other, STEPS)
    assert f"different rows in {what}, so no file can contain the rows" in refused.value.what
    assert str(refused.value.place) == "migrations/002_b.sql:2:1"


@pytest.mark.parametrize(
    "other",
    [
        replace(FILLED, before_rows=(*FILLED.before_rows, "CREATE TABLE t1234")),
        replace(FILLED, after_rows=()),
        replace(FILLED, sequences=(("public.s", "6", "true"),)),
    ],
)
def test_a_schema_that_differs_between_two_replays_is_refused(other: Contents) -> None:
    with pytest.raises(WorkspaceError, match="two replays of the migrations"):
        kept_tables(FILLED, other, STEPS)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (with_rows(ROWS[0]), "the rows of public.people"),
        (replace(FILLED, tables=()), "the rows of public.people"),
        (replace(FILLED, tables=(PEOPLE, replace(PEOPLE, name="public.more"))), "the rows of public.more"),
        (replace(FILLED, sequences=(("public.s", "5", "false"),)), "the sequence public.s"),
        (replace(FILLED, populated=()), "the materialized view public.m"),
        (replace(FILLED, of_extensions=(("public.e", "other"),)), "the rows of public.e, a table of an extension"),
        (replace(FILLED, server=Snapshot.of([SchemaObject("role", "r")])), "the role r"),
        (replace(FILLED, shared=(("role r", "f"),)), "the role r"),
    ],
)
def test_every_difference_is_found(other: Contents, what: str) -> None:
    assert differences(FILLED, other, kept_tables(FILLED, FILLED, STEPS)) == (what,)


@pytest.mark.parametrize(
    "sql", ["alter system set work_mem = '1MB';", "alter role r set work_mem = '1MB';", "comment on database d is 'x';"]
)
def test_an_effect_outside_the_schema_is_refused_at_its_line(sql: str) -> None:
    step = replace(STEPS[0], script=Script(f"select 1;\n{sql}", "migrations/001_a.sql"))
    with pytest.raises(WorkspaceError, match="outside the schema") as refused:
        refuse_outside_schema((step,))
    assert refused.value.place is not None
    assert refused.value.place.line == 2


def test_large_objects_are_refused() -> None:
    with pytest.raises(WorkspaceError, match="2 large objects"):
        squashed_sql(EMPTY, replace(FILLED, large_objects=2), ())
