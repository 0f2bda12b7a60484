"""Each rollback reverts its migration exactly: the catalogs are the same before and after."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

MIGRATIONS = Path(__file__).parents[2] / "migrations"
Connection = psycopg.Connection[tuple[Any, ...]]
Snapshot = dict[str, list[tuple[Any, ...]]]

UP_FILES = sorted(
    (file for file in MIGRATIONS.glob("*.sql") if file.name.count(".") == 1), key=lambda file: int(file.name[:3])
)
WITH_ROLLBACK = [file for file in UP_FILES if file.with_suffix(".down.sql").exists()]

# Schemas that are not the system's, the tool's, or this test's.
OURS: LiteralString = "NOT IN ('pg_catalog', 'information_schema', 'ctgitops', 'recorder') AND n.nspname !~ '^pg_'"
CATALOGUE: dict[str, LiteralString] = {
    "schemas": "SELECT n.nspname, obj_description(n.oid) FROM pg_namespace AS n WHERE n.nspname @",
    "grants on schemas": "SELECT n.nspname, x.grantee::regrole::text, x.privilege_type FROM pg_namespace AS n,"
    " aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS x WHERE n.nspname @",
    "relations": "SELECT n.nspname, c.relname, c.relkind::text, c.relrowsecurity, c.relforcerowsecurity,"
    " obj_description(c.oid), CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END"
    " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname @",
    "columns": "SELECT n.nspname, c.relname, row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname,"
    " format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated::text, pg_get_expr(d.adbin, d.adrelid),"
    " col_description(c.oid, a.attnum)"
    " FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " WHERE a.attnum > 0 AND NOT a.attisdropped AND n.nspname @",
    "constraints": "SELECT n.nspname, k.conrelid::regclass::text, k.conname, pg_get_constraintdef(k.oid),"
    " k.convalidated FROM pg_constraint AS k JOIN pg_namespace AS n ON n.oid = k.connamespace WHERE n.nspname @",
    "indexes": "SELECT n.nspname, pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready FROM pg_index AS i"
    " JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname @",
    "functions": "SELECT n.nspname, pg_get_functiondef(p.oid), obj_description(p.oid) FROM pg_proc AS p"
    " JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE p.prokind IN ('f', 'p') AND n.nspname @",
    "policies": "SELECT n.nspname, c.relname, p.polname, p.polcmd::text, p.polpermissive, p.polroles::regrole[]::text,"
    " pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid) FROM pg_policy AS p"
    " JOIN pg_class AS c ON c.oid = p.polrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname @",
    "triggers": "SELECT n.nspname, pg_get_triggerdef(t.oid), t.tgenabled::text FROM pg_trigger AS t"
    " JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE NOT t.tgisinternal AND n.nspname @",
    "types": "SELECT n.nspname, t.typname, t.typtype::text, obj_description(t.oid),"
    " ARRAY(SELECT e.enumlabel::text FROM pg_enum AS e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)"
    " FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace WHERE n.nspname @",
    "grants on relations": "SELECT n.nspname, c.relname, x.grantee::regrole::text, x.privilege_type, x.is_grantable"
    " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace,"
    " aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS x WHERE c.relkind IN ('r', 'v') AND n.nspname @",
    "grants on columns": "SELECT n.nspname, c.relname, a.attname, x.grantee::regrole::text, x.privilege_type"
    " FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace,"
    " aclexplode(a.attacl) AS x WHERE NOT a.attisdropped AND n.nspname @",
    "grants on functions": "SELECT n.nspname, p.oid::regprocedure::text, x.grantee::regrole::text, x.privilege_type"
    " FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace,"
    " aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS x WHERE n.nspname @",
}


def snapshot(connection: Connection) -> Snapshot:
    queries = {kind: query.replace("@", OURS) for kind, query in CATALOGUE.items()}
    return {
        kind: sorted((tuple(row) for row in connection.execute(query).fetchall()), key=repr)
        for kind, query in queries.items()
    }


def difference(before: Snapshot, after: Snapshot) -> dict[str, dict[str, list[tuple[Any, ...]]]]:
    return {
        kind: {
            "lost": [row for row in before[kind] if row not in after[kind]],
            "left behind": [row for row in after[kind] if row not in before[kind]],
        }
        for kind in before
        if before[kind] != after[kind]
    }


def run(connection: Connection, file: Path) -> None:
    text = re.sub(r"(?m)^\s*--.*$", "", file.read_text())
    if "CONCURRENTLY" not in text:
        with connection.transaction():
            connection.execute(text.encode())
        return
    for statement in filter(str.strip, text.split(";")):
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    "file",
    [each if n % 4 == 0 else pytest.param(each, marks=pytest.mark.slow) for n, each in enumerate(WITH_ROLLBACK, 1)],
    ids=lambda file: file.stem,
)
def test_a_rollback_leaves_the_schema_as_it_was_and_the_migration_can_be_applied_again(
    file: Path, database_url: str, apply_history: Callable[..., None]
) -> None:
    earlier = [int(other.name[:3]) for other in UP_FILES if int(other.name[:3]) < int(file.name[:3])]
    if earlier:
        apply_history(database_url, upto=max(earlier))
    with psycopg.connect(database_url, autocommit=True) as connection:
        # The tool records what it applies itself; here the files run without it.
        connection.execute(
            "CREATE SCHEMA recorder; CREATE FUNCTION recorder.record_migration(name text, checksum text DEFAULT NULL,"
            " execution_time_ms integer DEFAULT NULL, success boolean DEFAULT true, error text DEFAULT NULL,"
            " rollback_sql text DEFAULT NULL) RETURNS void LANGUAGE sql AS 'SELECT';"
            " SET search_path = public, recorder"
        )
        before = snapshot(connection)
        run(connection, file)
        applied = snapshot(connection)
        run(connection, file.with_suffix(".down.sql"))
        assert difference(before, snapshot(connection)) == {}
        run(connection, file)
        assert difference(applied, snapshot(connection)) == {}
        assert applied != before or file.stem == "008_seed_data", "the migration changes nothing that is looked at"


def test_most_migrations_have_a_rollback() -> None:
    assert len(WITH_ROLLBACK) >= 10
