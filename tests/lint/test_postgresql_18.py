"""Constraints that are not enforced, and virtual columns: a server of PostgreSQL 18 judges what lint says of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.truth.judge import Judge
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot, SnapshotSource
from ctgitops.lint.run import Linter
from ctgitops.lint.snapshot_catalog import catalog_of
from ctgitops.postgres.catalog.schema_snapshot import take_snapshot
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.sql.script import Script
from tests.lint.examples import TABLES, linted, rules_found
from tests.servers import base_for_servers, fresh_database, programs_of, run

GIVEN = """
alter table orders add constraint owner foreign key (customer_id) references customers not enforced;
alter table orders add constraint late foreign key (customer_id) references customers not valid;
alter table orders add column twice int generated always as (quantity * 2) virtual;
alter table orders add column kept int generated always as (quantity * 2) stored;
"""
CASES = [
    ("alter table orders alter constraint owner enforced;", ["foreign-key-scan"]),
    ("alter table orders alter constraint owner not enforced;", []),
    ("alter table orders alter constraint owner deferrable;", []),
    ("alter table orders alter constraint late enforced;", []),
    ("alter table orders alter column twice type bigint;", []),
    ("alter table orders alter column twice type text;", ["changed-type"]),
    ("alter table orders alter column twice set expression as (quantity * 3);", []),
    ("alter table orders alter column kept type bigint;", ["rewriting-type"]),
    ("alter table orders alter column kept set expression as (quantity * 3);", ["rewriting-storage"]),
]
AFTER_MORE = [
    (
        "alter table orders add check (twice > 0);",
        "alter table orders alter column twice type bigint;",
        "rewriting-type",
    ),
    (
        "alter table orders alter column twice set not null;",
        "alter table orders alter column twice set expression as (quantity * 3);",
        "not-null-scan",
    ),
]
FILLED = "insert into customers select n, 'n' from generate_series(1, 50) n;\n" + (
    "insert into orders select n, n, n, n, n, 'note', n::text from generate_series(1, 50) n;"
)


@pytest.mark.parametrize(("text", "rules"), CASES)
def test_what_18_checks_and_rewrites_is_known(text: str, rules: list[str]) -> None:
    assert rules_found(text, GIVEN) == rules


@pytest.mark.parametrize(("more", "text", "rule"), AFTER_MORE)
def test_a_virtual_column_is_checked_where_a_constraint_is_on_it(more: str, text: str, rule: str) -> None:
    assert rules_found(text, GIVEN + more) == [rule]


def test_enforced_says_that_both_tables_wait_and_how_to_avoid_it() -> None:
    (finding,) = linted("alter table orders alter constraint owner enforced;", GIVEN)
    assert (finding.lock, finding.blocks_writes) == ("ACCESS EXCLUSIVE", True)
    assert "writes to `customers`" in finding.what
    assert "NOT VALID" in finding.instead


def test_a_constraint_that_was_enforced_once_is_not_checked_again() -> None:
    twice = "alter table orders alter constraint owner enforced;\n"
    assert rules_found(twice, GIVEN + twice) == []
    assert rules_found(twice, GIVEN + twice + "alter table orders alter constraint owner not enforced;") == [
        "foreign-key-scan"
    ]


def test_a_live_schema_has_virtual_columns_and_constraints_that_are_not_enforced() -> None:
    objects = [
        SchemaObject("table", "public.t"),
        SchemaObject("column", "public.t.a", "public.t", {"type": "integer"}),
        SchemaObject("column", "public.t.v", "public.t", {"type": "integer", "generated": "virtual (a * 2)"}),
        SchemaObject(
            "constraint",
            "public.t.c",
            "public.t",
            {"definition": "FOREIGN KEY (a) REFERENCES public.o(id) NOT ENFORCED"},
        ),
    ]
    linter = Linter(catalog_of(Snapshot.of(objects, SnapshotSource(server_version="18.4"))))
    text = "alter table t alter column v type bigint;\nalter table t alter constraint c enforced;"
    assert [finding.rule for finding in linter.file(Script(text, "002.sql"))] == ["foreign-key-scan"]


@pytest.fixture(scope="module")
def of_18() -> Iterator[LocalServer]:
    with LocalServer(programs_of(18), base=base_for_servers()) as server:
        yield server


@pytest.mark.majors
@pytest.mark.parametrize(
    ("more", "text"), [("", text) for text, _ in CASES] + [(more, text) for more, text, _ in AFTER_MORE]
)
def test_18_itself_says_the_same(more: str, text: str, of_18: LocalServer) -> None:
    url = fresh_database(of_18)
    run(url, TABLES + GIVEN + FILLED + more)
    linter = Linter(catalog_of(take_snapshot(Address(url, "the test's"))))
    with Judge(Address(url, "the test's")) as judge:
        truth = judge.file(Script(text, "002.sql"))
    assert truth.failed == ""
    assert any(finding.blocks_writes for finding in linter.file(Script(text, "002.sql"))) is truth.blocks
