"""The schemas of platforms."""

from __future__ import annotations

import pytest

from ctgitops.core.environment.given import SCHEMAS, Given, Platform, given_by, given_hint
from ctgitops.core.schema.compare import ignored
from ctgitops.core.schema.snapshot import SchemaObject


def test_the_schemas_of_a_platform_come_first_and_once() -> None:
    found = given_by(Platform.HASURA, ("legacy", "hdb_catalog"))
    assert found.schemas == ("hdb_catalog", "hdb_views", "legacy")
    assert given_by(Platform.NONE, ()).schemas == ()


@pytest.mark.parametrize("platform", SCHEMAS)
def test_no_platform_owns_the_schemas_of_projects(platform: Platform) -> None:
    assert not {"public", "ctgitops"} & set(SCHEMAS[platform])


@pytest.mark.parametrize(
    ("kind", "name", "of", "inside"),
    [
        ("table", "auth.users", "", True),
        ("index", "auth.users_email", "auth.users", True),
        ("schema", "auth", "", True),
        ("grant", "schema auth to anon", "", True),
        ("trigger", "on_user", "auth.users", True),
        ("table", "public.auth", "", False),
        ("table", "authors.x", "", False),
        ("schema", "public", "", False),
    ],
)
def test_its_patterns_cover_the_objects_inside_and_no_others(kind: str, name: str, of: str, *, inside: bool) -> None:
    assert ignored(SchemaObject(kind, name, of=of), Given(("auth",)).patterns) is inside


def test_the_hint_names_the_key_for_a_missing_schema() -> None:
    assert "`platform: supabase` or `given: {schemas: [auth]}`" in given_hint('schema "auth" does not exist')
    assert "add `given: {schemas: [app]}` to" in given_hint('schema "app" does not exist')
    assert not given_hint('relation "x" does not exist')


@pytest.mark.parametrize(
    ("kind", "name", "of", "inside"),
    [
        ("extension", "pgcrypto", "", True),
        ("extension", '"uuid-ossp"', "", True),
        ("extension", "postgis", "", False),
        ("event trigger", "pgrst_ddl_watch", "", True),
        ("event trigger", "mine", "", False),
        ("default privileges", "of supabase_admin in public on tables to anon", "", True),
        ("default privileges", "of postgres in public on tables to anon", "", False),
        ("grant", "schema public to anon", "public", True),
        ("grant", "table public.orders to anon", "public.orders", False),
    ],
)
def test_what_supabase_creates_beside_its_schemas_is_given(kind: str, name: str, of: str, *, inside: bool) -> None:
    given = given_by(Platform.SUPABASE, ())
    assert ignored(SchemaObject(kind, name, of=of), given.patterns) is inside


def test_the_policy_adds_roles_and_extensions() -> None:
    given = given_by(Platform.RDS, (), ("reporting", "rds_iam"), ("aws_s3",))
    assert given.roles[-1] == "reporting"
    assert given.roles.count("rds_iam") == 1
    assert ignored(SchemaObject("extension", "aws_s3"), given.patterns)
