"""The part of the schema that an approval covers: what the plan names, without what its own failed attempt changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.ledger.identity import Identity, Site
from ctgitops.core.plan.plan import Plan, make_plan
from ctgitops.core.plan.touched_schema import touched_schema
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from tests.fakes import STAGING, chained, migration, workspace

TABLE = SchemaObject("table", "public.people")
COLUMN = SchemaObject("column", "public.people.id", "public.people", {"type": "integer"})
INDEX = SchemaObject("index", "public.people_id", "public.people", {"valid": "yes"})
OTHER = SchemaObject("table", "public.crews")
PARTITION = SchemaObject("table", "public.people_p1")
ODD = SchemaObject("table", 'public."odd name"')
FUNCTION = SchemaObject("function", "public.counted(integer)", attributes={"body": "a"})
LIVE = (TABLE, COLUMN, INDEX, OTHER)


def planned(sql: str) -> Plan:
    return make_plan(workspace(migration("001_one", sql=sql)), STAGING, chained())


def touched(sql: str, *objects: SchemaObject, ignore: tuple[str, ...] = ()) -> str:
    return touched_schema(planned(sql), Snapshot.of(objects), ignore)


ALTER = "alter table people add a int;\n"
ONE_INDEX = "create index concurrently i on people (id);\n"
SEVERAL = "create index concurrently i on people (id);\ncreate index concurrently j on people (id);\n"
CHANGED = replace(COLUMN, attributes={"type": "bigint"})
BROKEN = SchemaObject("index", "public.i", "public.people", {"valid": "no"})


@pytest.mark.parametrize(
    ("sql", "before", "after", "same"),
    [
        (ALTER, LIVE, (TABLE, CHANGED, INDEX, OTHER), False),
        (ALTER, LIVE, (*LIVE, BROKEN), False),
        (ALTER, LIVE, (TABLE, COLUMN, INDEX), True),
        (ALTER, LIVE, (*LIVE, PARTITION), True),
        ("do $$ begin delete from public.people; end $$;", LIVE, (TABLE, CHANGED), False),
        ('drop table "Odd Name";', (ODD,), (), False),
        ("select counted(1);", (FUNCTION,), (replace(FUNCTION, attributes={"body": "b"}),), False),
        (ONE_INDEX, LIVE, (*LIVE, BROKEN), True),
        (ONE_INDEX, LIVE, (TABLE, CHANGED, INDEX), False),
        (SEVERAL, LIVE, (TABLE, CHANGED, INDEX), True),
        ("create table fresh (id int);", LIVE, (TABLE, CHANGED), True),
    ],
)
def test_an_approval_covers_what_the_plan_names(
    sql: str, before: tuple[SchemaObject, ...], after: tuple[SchemaObject, ...], *, same: bool
) -> None:
    assert (touched(sql, *before) == touched(sql, *after)) == same


def test_what_drift_ignores_is_not_covered() -> None:
    sql = "alter table people_p1 add a int;"
    assert touched(sql, PARTITION, ignore=("public.people_p*",)) == touched(sql) == ""
    assert touched(sql, PARTITION) != ""


@given(st.permutations(LIVE))
def test_the_order_of_the_objects_does_not_matter(objects: list[SchemaObject]) -> None:
    assert touched(ALTER, *objects) == touched(ALTER, *LIVE)


@given(st.text(max_size=9), st.one_of(st.none(), st.integers()), st.integers(), st.integers())
def test_a_fingerprint_differs_by_schema_and_by_database(
    schema: str, cluster: int | None, oid: int, other: int
) -> None:
    def of(oid: int, schema: str) -> str:
        return replace(planned(ALTER), identity=Identity(Site(cluster, oid, "a")), schema=schema).fingerprint

    assert (of(oid, schema) == of(other, schema)) == (oid == other)
    assert of(oid, schema) != of(oid, f"{schema}.")
    renamed = replace(planned(ALTER), identity=Identity(Site(cluster, oid, "b"), "ledger"), schema=schema)
    assert renamed.fingerprint == of(oid, schema)


def test_a_name_with_spaces_is_found_in_the_text_and_only_if_it_is_there() -> None:
    assert touched('alter table "odd name" add a int;', ODD) != ""
    assert touched("alter table odd add name int;", ODD) == ""
    assert touched("select 1;", ODD, TABLE) == ""
