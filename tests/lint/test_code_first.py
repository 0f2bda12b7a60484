"""DROP TABLE and DROP COLUMN are warnings only if no deploy order is safe, or if lint cannot know that."""

from __future__ import annotations

import pytest

from ctgitops.core.schema.snapshot import SchemaObject, Snapshot, SnapshotSource
from ctgitops.lint.run import Linter
from ctgitops.lint.snapshot_catalog import catalog_of
from ctgitops.sql.script import Script
from tests.lint.examples import linted

DROP = "alter table orders drop column region;"


def severities(text: str, given: str = "", **chosen: str) -> list[tuple[str, str]]:
    return [
        (f.rule, f.severity.value) for f in linted(text, given, **chosen) if f.rule in {"drop-column", "drop-table"}
    ]


@pytest.mark.parametrize(
    "definition",
    [
        "region text",
        "region text not null default 'north'",
        "region serial",
        "region int generated always as identity",
        "region text generated always as (note || 'x') stored not null",
        "region named not null",
    ],
)
def test_a_column_that_new_code_can_omit_is_dropped_with_a_notice(definition: str) -> None:
    given = f"create domain named as text default 'x'; alter table orders add column {definition};"
    assert severities(DROP, given) == [("drop-column", "notice")]


@pytest.mark.parametrize(
    ("given", "text", "why"),
    [
        ("add column region text not null", DROP, "NOT NULL without a default"),
        ("add column region text not null default null", DROP, "NOT NULL without a default"),
        (
            "add column region text not null default 'x'; alter table orders alter region drop default",
            DROP,
            "NOT NULL without a default",
        ),
        (
            "add column region text not null",
            f"alter table orders alter region drop not null; {DROP}",
            "NOT NULL without a default",
        ),
        ("rename column id to region", DROP, "the primary key is dropped with the column"),
        ("add column region text", f"update orders set note = region; {DROP}", "the same file copies the values"),
        (
            "add column region text",
            f"create table regions as select id, region from orders; {DROP}",
            "the same file copies the values",
        ),
        (
            "add column region text",
            f"select id, region into regions from orders; {DROP}",
            "the same file copies the values",
        ),
        (
            "add column region text",
            f"insert into customers (id, name) select id, region from orders; {DROP}",
            "the same file copies the values",
        ),
    ],
)
def test_a_column_that_no_deploy_order_makes_safe_is_dropped_with_a_warning(given: str, text: str, why: str) -> None:
    found = [f for f in linted(text, f"alter table orders {given};") if f.rule == "drop-column"]
    assert [f.severity for f in found] == ["warning"]
    assert why in found[0].what


def test_a_default_that_a_later_file_sets_makes_the_drop_safe() -> None:
    given = "alter table orders add column region text not null; alter table orders alter region set default 'x';"
    assert severities(DROP, given) == [("drop-column", "notice")]


def test_an_unknown_column_or_table_is_dropped_with_a_warning() -> None:
    assert severities(DROP) == [("drop-column", "warning")]
    assert severities("drop table invoices;") == [("drop-table", "warning")]


def test_a_table_is_dropped_with_a_notice_unless_its_rows_are_copied() -> None:
    assert severities("drop table orders;") == [("drop-table", "notice")]
    assert severities("insert into orders (id) values (1); drop table orders;") == [("drop-table", "notice")]
    copied = "insert into customers (id) select id from orders; drop table orders;"
    assert severities(copied) == [("drop-table", "warning")]


def test_the_policy_decides_the_severity_of_every_drop() -> None:
    given = "alter table orders add column region text;"
    assert severities(DROP, given, **{"drop-column": "error"}) == [("drop-column", "error")]
    assert severities("drop table orders;", **{"drop-table": "warning"}) == [("drop-table", "warning")]


@pytest.mark.parametrize(
    ("attributes", "severity"),
    [
        ({"not_null": "yes"}, "warning"),
        ({"not_null": "yes", "default": "'north'::text"}, "notice"),
        ({"not_null": "yes", "type": "integer", "identity": "by default"}, "notice"),
        ({}, "notice"),
    ],
)
def test_defaults_are_read_from_a_live_database(attributes: dict[str, str], severity: str) -> None:
    table = SchemaObject("table", "public.orders", "", {})
    column = SchemaObject("column", "public.orders.region", "public.orders", {"type": "text"} | attributes)
    linter = Linter(catalog_of(Snapshot((table, column), SnapshotSource(server_version="17.5", search_path="public"))))
    assert [f.severity for f in linter.file(Script(DROP, "1.sql"))] == [severity]
