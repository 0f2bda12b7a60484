"""A password in a migration works, and appears in nothing that is shown or stored."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator

import pytest

from ctgitops.core.ledger.resumption import Kind, ProgressRow, ProgressState
from ctgitops.postgres.nontransactional.recover import attempted_before
from ctgitops.sql.redact import redact
from ctgitops.sql.script import Script
from tests.servers import fetch, run
from tests.stories.house import House, Run, marks

pytestmark = pytest.mark.slow

SECRET = "hunter2-and-more"
_numbers = itertools.count(1)


@pytest.fixture
def role(database_url: str) -> Iterator[str]:
    """The name of a role that nobody else of the cluster has."""
    name = f"keeper_{os.getpid()}_{next(_numbers)}"
    yield name
    run(database_url, f"drop role if exists {name}")


def kept(url: str) -> str:
    """Everything that the schema ctgitops holds."""
    tables = fetch(url, "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = 'ctgitops'")
    return "\n".join(str(row[0]) for (name,) in tables for row in fetch(url, f"select t::text from {name} t"))


def shown(house: House) -> list[Run]:
    """All pages of the plan, and of what is known afterwards."""
    pages = [house.plan("--format", form) for form in ("text", "markdown", "json")]
    return [*pages, house.run("status"), house.run("check")]


def nowhere(url: str, *runs: Run) -> None:
    for done in runs:
        assert SECRET not in done.said, done.said
    assert SECRET not in kept(url)


@pytest.mark.slow
def test_it_is_set_and_nowhere_to_be_read(house: House, database_url: str, role: str) -> None:
    house.migration("001_role", f"create role {role} login password '{SECRET}';", down=f"drop role {role};")
    before = shown(house)
    assert f"create role {role} login password '***';" in before[1].said
    applied = house.applied()
    nowhere(database_url, *before, applied)
    assert fetch(database_url, f"select rolpassword is not null from pg_authid where rolname = '{role}'") == [(True,)]
    assert "login password '***';" in kept(database_url)
    assert marks(database_url) == ["001_role applied"]
    back = house.run("rollback", "--env", "staging", "--steps", "1")
    assert back.status == 0, back.said


@pytest.mark.slow
@pytest.mark.parametrize(
    "sql",
    [
        "create role postgres login password '{}';",
        "select 1; do $$ begin execute 'alter role nobody_at_all password ''{}'''; end $$;",
        "create server f foreign data wrapper nothing options (host 'h', password '{}');",
        "-- ctgitops: no transaction\ncreate role postgres password '{}';",
        "create role postgres pasword '{}';",
        "create role postgres password '{}'; select 'it's';",
        "create role postgres\n  password '{}' login connection limit none;",
    ],
)
def test_what_fails_is_told_without_it(house: House, database_url: str, sql: str) -> None:
    house.migration("001_role", sql.format(SECRET))
    before = shown(house)
    runs = [house.apply(), house.apply("--format", "json"), house.apply("--format", "markdown")]
    assert {done.status for done in runs} <= {3, 6}
    assert len({done.status for done in runs}) == 1
    nowhere(database_url, *before, *runs, *shown(house))
    assert "***" in runs[0].said


@pytest.mark.slow
def test_a_file_that_changed_in_its_password_alone_is_told_without_either(
    lived_in: House, database_url: str, role: str
) -> None:
    lived_in.migration("002_role", f"create role {role} password 'another-{SECRET}';")
    lived_in.applied()
    lived_in.migration("002_role", f"create role {role} password '{SECRET}';")
    plan = lived_in.plan()
    assert plan.status == 4, plan.said
    assert "They differ only in a password" in plan.words
    nowhere(database_url, plan, *shown(lived_in))


@pytest.mark.parametrize("given", [pytest.param("down", marks=pytest.mark.slow), "record_migration"])
def test_a_rollback_with_a_password_is_refused_before_anything_is_applied(
    lived_in: House, database_url: str, role: str, given: str
) -> None:
    undo = f"alter role {role} password '{SECRET}';"
    records = f"select record_migration('002_role.sql', rollback_sql => $undo${undo}$undo$);"
    lived_in.migration(
        "002_role",
        f"create role {role};" + (records if given == "record_migration" else ""),
        down=f"-- back\n{undo}" if given == "down" else None,
    )
    done = lived_in.apply()
    assert done.status == 3, done.said
    assert "rollback-password" in done.said
    assert ("002_role.down.sql:2" if given == "down" else "002_role.sql:1") in done.said
    assert marks(database_url) == ["001_one applied"]
    nowhere(database_url, done)


def test_a_rollback_that_lost_its_password_is_never_run(lived_in: House, database_url: str, role: str) -> None:
    lived_in.migration("002_role", f"create role {role};")
    lived_in.applied()
    lived_in.migration("002_role", f"create role {role} ;", down=f"alter role {role} password '{SECRET}';")
    repair = lived_in.run("repair", "002", "--env", "staging", "--applied", "--reason", "looked")
    assert repair.status == 0, repair.said
    back = lived_in.run("rollback", "--env", "staging", "--steps", "1")
    assert back.status == 4, back.said
    assert "needs a password, which the ledger does not store" in back.words
    nowhere(database_url, repair, back)
    assert fetch(database_url, f"select rolpassword from pg_authid where rolname = '{role}'") == [(None,)]


@pytest.mark.slow
def test_what_an_earlier_version_kept_is_not_shown(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_role", "select 1;")
    lived_in.applied()
    run(database_url, "alter table ctgitops.ledger disable trigger all")
    old = f"create role x password '{SECRET}';"
    run(database_url, f"update ctgitops.ledger set sql = $old${old}$old$ where number = 2")
    lived_in.remove("002_role")
    for page in shown(lived_in):
        assert SECRET not in page.said


def test_a_statement_is_known_again_whose_password_the_ledger_does_not_keep() -> None:
    """CREATE SUBSCRIPTION is no transaction's, so what an interrupted one left is looked for by its text."""
    made = "create subscription s connection 'host=h password=hunter2' publication p;"
    now = Script(f"select 1;\n{made}", "a.sql")
    begun = ProgressRow(1, 1, Kind.STATEMENT, ProgressState.BEGUN, 2, now.hash_of(now.statements[1]), note="absent")
    kept_text = Script(redact(now.sql), "a.sql")
    same = attempted_before((now, kept_text), begun)
    assert same
    assert same.text == made.rstrip(";")
    changed = attempted_before((Script("select 1;", "a.sql"), kept_text), begun)
    assert changed
    assert changed.text == made.rstrip(";").replace("hunter2", "***")
    assert json.dumps(changed.left.name) == '"s"'
    assert attempted_before((Script("select 1;", "a.sql"), Script("select 1; select 2;", "a.sql")), begun) is None
