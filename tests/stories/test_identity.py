"""A URL that leads to the wrong database is detected before any change: another environment's, a copy, an empty one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.servers import fetch, run
from tests.stories.house import House, database_of, has, marks

pytestmark = pytest.mark.slow
HOME = "select environment, ledger_id::text, reason from ctgitops.home order by id"


def clone(url: str, name: str) -> str:
    """A copy of a database beside it, as a restored dump or CREATE DATABASE … TEMPLATE gives it."""
    database = database_of(url)
    run(url.replace(f"/{database}", "/postgres", 1), f'create database "{name}" template "{database}"')
    return url.replace(f"/{database}", f"/{name}", 1)


@pytest.fixture
def production(house: House, database_url: str) -> House:
    """An environment that has one migration, and a pending one."""
    house.environment("staging", None)
    house.environment("production", database_url)
    house.migration("001_one", "create table one ();")
    assert house.run("apply", "--env", "production").status == 0
    house.migration("002_two", "create table two ();")
    return house


def test_p22_a_secret_of_staging_that_leads_to_production_is_refused(production: House, database_url: str) -> None:
    production.environment("staging", database_url)
    for verb in (("plan",), ("apply",), ("rollback", "--steps", "1")):
        done = production.run(*verb, "--env", "staging")
        assert done.status == 4, done.said
        assert "STAGING_DATABASE_URL connects to the database of production" in done.words
    assert marks(database_url) == ["001_one applied"]
    assert fetch(database_url, HOME)[0][0] == "production"


def test_p22_staging_restored_from_production_is_recognised_and_goes_on_when_it_is_adopted(
    production: House, database_url: str
) -> None:
    copy = clone(database_url, f"copy_of_{database_of(database_url)}")
    production.environment("staging", copy)
    refused = production.apply()
    assert refused.status == 4, refused.said
    assert "STAGING_DATABASE_URL connects to a copy of production" in refused.words
    assert "ctgitops repair --adopt --env staging --reason" in refused.words
    drift = production.run("drift", "--env", "staging")
    assert drift.status == 4, drift.said
    adopted = production.run("repair", "--adopt", "--env", "staging", "--reason", "restored on Monday")
    assert adopted.status == 0, adopted.said
    production.applied()
    assert has(copy, "two")
    assert not has(database_url, "two")
    (_, first, _), (name, second, reason) = fetch(copy, HOME)
    assert (name, reason) == ("staging", "restored on Monday")
    assert first != second
    actor, said = fetch(copy, "select actor, error from ctgitops.ledger where mark = 'repaired'")[0]
    assert (bool(actor), said) == (True, "restored on Monday")
    assert production.run("status").status == 0
    again = production.run("repair", "--adopt", "--env", "staging", "--reason", "again")
    assert again.status == 2, again.said


def test_p22_a_pinned_environment_refuses_an_empty_database_and_makes_no_ledger_there(
    production: House, make_database: Callable[[], str]
) -> None:
    status = production.run("status", "--env", "production", "--format", "json").json["environments"][0]
    assert status["ledger_id"] in production.run("status", "--env", "production").out
    pin = f"database: {{url: '${{PRODUCTION_DATABASE_URL}}', id: {status['ledger_id']}}}\n"
    production.write("environments/production.yaml", f"environment: production\n{pin}")
    assert production.run("apply", "--env", "production").status == 0
    empty = make_database()
    production.secrets["PRODUCTION_DATABASE_URL"] = empty
    for verb in ("plan", "apply"):
        done = production.run(verb, "--env", "production")
        assert done.status == 4, done.said
        assert f"production is pinned to ledger {status['ledger_id']}" in done.words
        assert "has no ledger" in done.words
    assert not has(empty, "ctgitops.format")


def test_p22_production_that_moved_to_a_new_server_keeps_its_ledger_when_it_is_adopted(
    production: House, database_url: str
) -> None:
    copy = clone(database_url, f"moved_{database_of(database_url)}")
    production.secrets["PRODUCTION_DATABASE_URL"] = copy
    refused = production.run("apply", "--env", "production")
    assert refused.status == 4, refused.said
    assert "it is a copy, or the database was moved" in refused.words
    assert production.run("repair", "--adopt", "--env", "production", "--reason", "new server").status == 0
    assert production.run("apply", "--env", "production").status == 0
    (_, first, _), (name, second, _) = fetch(copy, HOME)
    assert (name, first) == ("production", second)


def test_p22_two_new_environments_with_one_url_are_told_in_the_plan(house: House, database_url: str) -> None:
    house.environment("production", database_url)
    house.migration("001_one", "create table one ();")
    done = house.run("plan")
    assert done.status == 4, done.said
    assert "staging and production are the same database" in done.words


def test_a_renamed_database_is_the_same(production: House, database_url: str) -> None:
    """Its number in the cluster counts, not its name."""
    old, new = database_of(database_url), f"{database_of(database_url)}_renamed"
    run(database_url.replace(f"/{old}", "/postgres", 1), f'alter database "{old}" rename to "{new}"')
    production.secrets["PRODUCTION_DATABASE_URL"] = database_url.replace(f"/{old}", f"/{new}", 1)
    assert production.run("apply", "--env", "production").status == 0


@pytest.mark.parametrize("right", ["update ctgitops.home set environment = 'x'", "delete from ctgitops.home"])
def test_a_home_is_only_ever_added_to(lived_in: House, database_url: str, right: str) -> None:
    assert lived_in.applied().status == 0
    with pytest.raises(Exception, match="append-only"):
        run(database_url, right)
