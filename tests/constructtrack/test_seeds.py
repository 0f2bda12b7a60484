"""Seed files are idempotent, because a seed file runs again whenever it changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

SEEDS = Path(__file__).parents[2] / "seeds"
Connection = psycopg.Connection[tuple[Any, ...]]


def contents(connection: Connection) -> dict[str, list[str]]:
    tables = connection.execute(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'app') ORDER BY 1, 2"
    ).fetchall()
    found: dict[str, list[str]] = {}
    for schema, table in tables:
        query = sql.SQL("SELECT t::text FROM {} AS t ORDER BY 1").format(sql.Identifier(schema, table))
        found[f"{schema}.{table}"] = [row for (row,) in connection.execute(query).fetchall()]
    return found


def plant(connection: Connection, environment: str) -> None:
    for file in sorted((SEEDS / environment).glob("*.sql")):
        with connection.transaction():
            connection.execute(file.read_bytes())


@pytest.mark.parametrize("environment", ["development", "staging", "production"])
def test_planting_seeds_twice_is_the_same_as_once(environment: str, constructtrack_url: str) -> None:
    with psycopg.connect(constructtrack_url, autocommit=True) as connection:
        empty = contents(connection)
        plant(connection, environment)
        once = contents(connection)
        plant(connection, environment)
        assert contents(connection) == once
        assert once != empty


def test_production_gets_switches_and_nothing_else(constructtrack_url: str) -> None:
    with psycopg.connect(constructtrack_url, autocommit=True) as connection:
        before = contents(connection)
        plant(connection, "production")
        after = contents(connection)
    assert [table for table in after if after[table] != before[table]] == ["public.feature_flags"]


def test_a_switch_that_somebody_turned_stays_turned(constructtrack_url: str) -> None:
    with psycopg.connect(constructtrack_url, autocommit=True) as connection:
        plant(connection, "production")
        connection.execute("UPDATE feature_flags SET enabled = NOT enabled")
        turned = contents(connection)["public.feature_flags"]
        plant(connection, "production")
        assert contents(connection)["public.feature_flags"] == turned
