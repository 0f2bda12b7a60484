"""`plan` prints the plan as text and as JSON with a published schema, and changes nothing."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from tests.servers import run, session
from tests.stories.house import House, database_of, facts, has, marks

HEADER = """\
-- Migration: {name}
-- Version: {version}
-- Description: Adds a table
-- Breaking Changes: No
-- Rollback: Not Available
-- Created: 2026-01-12
-- Author: Anna
--
-- Dependencies: None
-- Estimated Execution Time: 1 s
-- Impact: nobody waits

create table t_{name} ();
"""


def validate(document: Any, schema: str) -> None:
    shape = json.loads((files("ctgitops") / "report" / "schemas" / f"{schema}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(shape)
    jsonschema.validate(document, shape)


@pytest.mark.slow
def test_its_json_is_the_only_output_and_of_the_published_shape(lived_in: House) -> None:
    lived_in.migration("002_two", "create table two ();", down="drop table two;")
    lived_in.migration("003_index", "create index concurrently on one (id);")
    lived_in.write("seeds/staging/010.sql", "select 1;")
    for arguments in (("--env", "staging"), ()):
        done = lived_in.run("plan", "--format", "json", *arguments)
        assert done.status == 0, done.said
        validate(done.json, "plan")
    plan = lived_in.plan("--format", "json").json
    keys = {"environment", "current_version", "target_version", "fingerprint", "blocked", "steps", "problems"}
    assert keys <= plan.keys()
    assert {"number", "name", "version", "checksum", "transactional", "breaking", "rollback"} <= plan["steps"][0].keys()
    assert [(step["number"], step["name"], step["transactional"]) for step in plan["steps"]] == [
        (2, "002_two", True),
        (3, "003_index", False),
    ]
    applied = lived_in.apply("--format", "json")
    validate(applied.json, "outcome")
    validate(lived_in.run("status", "--format", "json").json, "status")
    validate(lived_in.run("check", "--format", "json").json, "check")


@pytest.mark.parametrize(
    "state",
    [
        pytest.param("blocked", marks=pytest.mark.slow),
        pytest.param("unreachable", marks=pytest.mark.slow),
        pytest.param("no secret", marks=pytest.mark.slow),
        pytest.param("edited", marks=pytest.mark.slow),
    ],
)
def test_its_json_has_that_shape_when_all_is_not_well(lived_in: House, database_url: str, state: str) -> None:
    lived_in.migration("002_two", "create tabel;" if state == "blocked" else "create table two ();")
    if state == "edited":
        lived_in.migration("001_one", "select 1;")
    url = {"unreachable": "postgresql://me:very%20secret@127.0.0.1:1/app", "no secret": None}.get(state, database_url)
    lived_in.environment("staging", url)
    done = lived_in.plan("--format", "json")
    assert done.status == {"blocked": 3, "unreachable": 4, "no secret": 2, "edited": 4}[state]
    validate(done.json, "plan")
    failed = lived_in.apply("--format", "json")
    assert failed.status == done.status
    validate(failed.json, "outcome" if state in {"blocked", "edited"} else "error")


def test_it_makes_nothing(house: House, database_url: str) -> None:
    house.migration("001_one", "create table one ();")
    run(database_url, f"alter database {database_of(database_url)} set default_transaction_read_only = on")
    before = facts(database_url)
    assert "1 migration to apply" in house.plan().out
    assert house.run("status").status == 0
    assert facts(database_url) == before
    assert not has(database_url, "ctgitops.ledger")


@pytest.mark.slow
def test_it_runs_nothing_even_where_the_file_would(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "insert into one values (99); notify x; select setval('s', 1);")
    with session(database_url) as other:
        other.execute("begin")
        other.execute("lock table one in access exclusive mode")
        assert lived_in.plan().status == 0
    assert marks(database_url) == ["001_one applied"]


@pytest.mark.slow
def test_how_far_it_goes(house: House, database_url: str) -> None:
    house.policy("header: required\n")
    for number, version in ((1, "1.0.0"), (2, "1.0.1"), (3, "1.1.0")):
        name = f"{number:03}_x"
        house.write(f"migrations/{name}.sql", HEADER.format(name=name, version=version))

    def steps(*arguments: str) -> tuple[list[int], str]:
        plan = house.plan("--format", "json", *arguments).json
        return [step["number"] for step in plan["steps"]], plan["target_version"]

    assert steps() == ([1, 2, 3], "1.1.0")
    assert steps("--to", "latest") == ([1, 2, 3], "1.1.0")
    assert steps("--to", "1.0.1") == ([1, 2], "1.0.1")
    assert steps("--to", "002") == ([1, 2], "1.0.1")
    house.environment("staging", database_url, "target: 1.0.0\n")
    assert steps() == ([1], "1.0.0")
    house.applied()
    assert marks(database_url) == ["001_x applied"]
    house.applied("--to", "2")
    assert marks(database_url) == ["001_x applied", "002_x applied"]
    beyond = house.apply()
    assert beyond.status == 0
    assert house.plan("--to", "9.9.9").status == 3
    assert house.plan("--to", "77").status == 3
    assert house.plan("--to", "next tuesday").status == 2
    assert marks(database_url) == ["001_x applied", "002_x applied"]


@pytest.mark.slow
def test_it_is_the_plan_that_is_applied(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();")
    page = lived_in.plan().out
    fingerprint = lived_in.plan("--format", "json").json["fingerprint"]
    assert fingerprint in page
    assert f"ctgitops apply --env staging --fingerprint {fingerprint[:12]}" in page
    lived_in.applied("--fingerprint", fingerprint[:12])
    assert marks(database_url)[-1] == "002_two applied"


@pytest.mark.slow
def test_one_environment_that_cannot_be_read_does_not_cost_the_others(lived_in: House) -> None:
    lived_in.environment("production", "postgresql://me:very%20secret@127.0.0.1:1/app")
    lived_in.migration("002_two", "create table two ();")
    done = lived_in.run("plan")
    assert done.status == 4
    assert "production: CANNOT BE READ" in done.out
    assert "staging: 1 migration to apply" in done.out
    status = lived_in.run("status")
    assert status.status == 4
    assert "1 pending" in status.words or "pending" in status.words


@pytest.mark.slow
def test_rows_that_would_make_a_migration_fail_block_its_plan(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_word", "alter table one add column word text;")
    lived_in.applied()
    run(database_url, "update one set word = null")
    lived_in.migration("003_needed", "-- each has one\nalter table one alter column word set not null;")
    plan = lived_in.run("plan", "--env", "staging")
    assert plan.status == 3, plan.said
    assert 'error[violating-rows]: 1 row of "one" would make 003_needed fail: "word" must not be NULL' in plan.out
    assert 'select * from "one" where "word" is null;' in plan.out
    run(database_url, "update one set word = ''")
    plan = lived_in.run("plan", "--env", "staging")
    assert "violating-rows" not in plan.out
    assert "BLOCKED" not in plan.out
