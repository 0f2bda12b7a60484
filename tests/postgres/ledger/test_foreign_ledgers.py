"""The ledgers of other tools, with the tables that each tool's source creates."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ctgitops.core.ledger.foreign_ledger import ForeignLedger
from ctgitops.errors import LedgerError
from ctgitops.layouts.ledgers import LEDGER_TABLES
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.session.database import PostgresDatabase
from tests.servers import quickly, run
from tests.stories.house import as_role

_PARTS = re.split(
    r"^-- (.+)\n", Path(__file__).with_suffix(".sql").with_stem("foreign_ledgers").read_text("utf-8"), flags=re.M
)
TABLES = dict(zip(_PARTS[1::2], _PARTS[2::2], strict=True))
"""The SQL that creates and fills the table of each tool."""
FIRST = {"golang-migrate": 2, "tern": 2, "Sqitch": None, "Drizzle Kit": None, "Liquibase": None}
BY_NAME = {"Prisma Migrate", "node-pg-migrate"}


def ledgers(url: str) -> tuple[ForeignLedger, ...]:
    return PostgresDatabase(Address(url, "staging")).foreign_ledgers(1)


def test_every_tool_has_a_table_here() -> None:
    assert {table.title for table in LEDGER_TABLES} == set(TABLES)


@pytest.mark.parametrize("title", quickly(TABLES))
def test_the_rows_of_a_tool_are_read(title: str, database_url: str) -> None:
    run(database_url, TABLES[title])
    (found,) = ledgers(database_url)
    assert found.title == title
    assert all(row.complete for row in found.rows)
    if found.all_before:
        assert [row.number for row in found.rows] == [2]
    elif title in BY_NAME:
        assert [(row.number, row.name[-2:]) for row in found.rows] == [(None, "_a"), (None, "_b")]
    elif title in FIRST:
        names = {"Sqitch": ["a", "b"], "Liquibase": ["Anna:1", "Ben:2"]}
        assert [row.name for row in found.rows] == names.get(title, ["1", "2"])
    else:
        assert [row.number for row in found.rows] in ([1, 2], [20240101000000, 20240102000000])
    assert {row.by for row in found.rows} <= {"", "anna", "Anna", "Ben"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("title", "change"),
    [
        ("golang-migrate", "update schema_migrations set dirty = true"),
        ("Flyway", "update flyway_schema_history set success = false where version = '2'"),
        ("sqlx", "update _sqlx_migrations set success = false where version = 2"),
        ("Prisma Migrate", "update _prisma_migrations set finished_at = null where id = 'c'"),
        ("Atlas", "update atlas_schema_revisions.atlas_schema_revisions set applied = 0 where version = '2'"),
    ],
)
def test_a_migration_that_failed_is_not_complete(title: str, change: str, database_url: str) -> None:
    run(database_url, f"{TABLES[title]} {change}")
    (found,) = ledgers(database_url)
    assert not found.rows[-1].complete


def test_a_table_of_that_name_with_other_columns_is_no_ledger(database_url: str) -> None:
    run(
        database_url,
        "create table changes (id int); create table schema_version (version text, id int, applied_at date)",
    )
    assert ledgers(database_url) == ()


@pytest.mark.slow
def test_a_ledger_that_this_role_may_not_read_is_named(database_url: str) -> None:
    run(database_url, f"{TABLES['goose']} create role reads_nothing login")
    with pytest.raises(LedgerError, match=re.escape('may not read "public"."goose_db_version", the ledger')):
        ledgers(as_role(database_url, "reads_nothing"))
    run(database_url, "drop role reads_nothing")
