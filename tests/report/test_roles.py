"""The SQL of `ctgitops roles`: names are quoted, no password is written, no role joins a superuser."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.schema.database_roles import SIGNS, DatabaseRoles, Owner, Provider, RoleNames, names_for
from ctgitops.report.roles import NOTES, SECTIONS, RoleScript
from ctgitops.sql.parse import statements

APP = DatabaseRoles("app")
ODD = RoleNames('a "b"', "o'neil $roles$", "select", "line\nbreak")


def script(facts: DatabaseRoles = APP, names: RoleNames | None = None, provider: Provider | None = None) -> RoleScript:
    return RoleScript(facts, names or names_for(facts, ""), provider)


@pytest.mark.parametrize("provider", list(Provider))
def test_odd_names_are_quoted_and_the_sql_is_valid(provider: Provider) -> None:
    text = script(replace(APP, database="My; DB"), ODD, provider).text()
    kinds = {statement.kind for statement in statements(text)}
    assert kinds == {"DoStmt", "GrantStmt"}
    assert 'on database "My; DB" to "a ""b"""' in text
    assert "'o''neil $roles$'" in text
    assert "do $roles_$" in text


def test_no_password_is_part_of_a_statement() -> None:
    for provider in Provider:
        lines = [line for line in script(provider=provider).text().splitlines() if "password" in line.lower()]
        assert lines
        assert all(line.startswith("--") for line in lines)


def test_a_role_on_neon_gets_login_together_with_its_password() -> None:
    text = script(provider=Provider.NEON).text()
    assert 'create role "app_reader" nologin;' in text
    assert "alter role \"app_reader\" login password '...';" in text
    assert 'create role "app_reader" login;' in script().text()


def test_the_provider_and_how_it_is_known() -> None:
    assert "Provider: PostgreSQL, assumed, because the database was not read." in script().text()
    assert "Provider: PostgreSQL, because no role indicates another provider." in script(replace(APP, sign="")).text()
    for sign, provider in SIGNS.items():
        facts = replace(APP, sign=sign)
        assert f"Provider: {NOTES[provider].name}, because the role {sign} exists." in script(facts).text()
        assert "Provider: PostgreSQL, as requested." in script(facts, provider=Provider.PLAIN).text()


def test_the_role_that_applies_joins_the_owners_that_are_no_superuser_and_no_role_of_the_provider() -> None:
    owners = (Owner("app_migrator", 1), Owner("legacy", 3), Owner("postgres", 1, superuser=True), Owner("rdsadmin", 2))
    text = script(replace(APP, owners=owners)).section("apply")
    assert 'grant "legacy" to "app_migrator";' in text
    assert text.count("grant pg_read_all_stats") == 1
    assert 'grant "postgres"' not in text
    assert 'grant "rdsadmin"' not in text
    assert "-- postgres owns 1 object, which migrations cannot alter, unless their owner changes." in text
    assert "ctgitops.ledger" not in text


def test_the_ledger_of_a_superuser_gets_grants() -> None:
    facts = replace(APP, owners=(Owner("postgres", 9, superuser=True),), ledger_owner="postgres")
    assert 'grant insert on ctgitops.ledger, ctgitops.progress, ctgitops.home to "app_migrator"' in script(facts).text()


def test_the_role_of_the_manifest_gets_the_privileges_and_a_member() -> None:
    text = script(names=names_for(APP, "app_owner")).section("apply")
    assert 'create role "app_owner" nologin;' in text
    assert 'grant "app_owner" to "app_migrator";' in text
    assert 'grant usage, create on schema public to "app_owner";' in text


def test_the_default_names() -> None:
    assert names_for(APP, "") == RoleNames("app_migrator", "app_reader", "app_backup")
    assert names_for(replace(APP, ledger_owner="ci"), "").apply == "ci"
    assert names_for(replace(APP, ledger_owner="app_owner"), "app_owner").apply == "app_migrator"
    superuser = replace(APP, ledger_owner="postgres", owners=(Owner("postgres", 1, superuser=True),))
    assert names_for(superuser, "").apply == "app_migrator"
    assert names_for(APP, "", plan="p", backup="b", apply="a") == RoleNames("a", "p", "b")


def test_one_role_alone() -> None:
    for each in SECTIONS:
        text = script().text((each,))
        others = {"apply": "app_migrator", "plan": "app_reader", "backup": "app_backup"}.items()
        assert {which for which, name in others if name in text} == {each}
