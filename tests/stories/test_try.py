"""`try`: a command of the project runs on a throw-away copy of an environment, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.report.test_json import valid
from tests.servers import fetch, missing
from tests.servers import run as run_sql
from tests.stories.house import House, until

PEOPLE = "create table people (id int primary key, name text);\ninsert into people values (1, 'Ada');"
SEED = "insert into people (id, name) values (2, 'seed') on conflict do nothing;"


@pytest.fixture
def tried(house: House, database_url: str) -> House:
    """An environment with one applied migration, one pending migration, and an applied seed file."""
    house.migration("001_people", PEOPLE)
    house.environment("staging", database_url, "shadow: {}\nseeds: [seeds/staging]\n")
    house.write("seeds/staging/010_people.sql", SEED)
    house.applied()
    house.migration("002_age", "alter table people add column age int default 7;")
    return house


def sh(house: House, script: str, *options: str) -> dict[str, Any]:
    """The JSON document of `try` for a shell script."""
    run = house.run("try", "--env", "staging", "--format", "json", *options, "--", "sh", "-c", script)
    found: dict[str, Any] = run.json
    return {**found, "status": run.status}


def processes(word: str) -> list[str]:
    """The processes whose command line has `word` as a whole argument."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            arguments = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdecimal() else []
        except OSError:
            continue
        found += [folder.name] if word.encode() in arguments else []
    return found


@pytest.mark.slow
def test_a_command_gets_a_copy_with_pending_migrations_and_seeds_but_no_secret(tried: House, database_url: str) -> None:
    script = 'psql "$DATABASE_URL" -Atc "table people"; psql -Atc "insert into people values (9)"; env'
    found = sh(tried, script)
    (test,) = found["tests"]
    assert (found["status"], found["passed"], test["exit_status"]) == (0, True, 0), found
    assert (found["migrations"], found["seeds"]) == (["002_age"], ["seeds/staging/010_people.sql"])
    assert "1|Ada|7\n2|seed|7\n" in test["output"]
    assert "STAGING_DATABASE_URL" not in test["output"]
    assert fetch(database_url, "select count(*) from people") == [(2,)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "status", "result"), [("exit 3", 1, "failed with exit status 3"), ("true", 0, "passed")]
)
def test_the_exit_status_is_that_of_a_check(tried: House, script: str, status: int, result: str) -> None:
    found = sh(tried, script)
    assert (found["status"], found["tests"][0]["result"]) == (status, result)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, only the command's process group is ended")
def test_processes_that_a_command_leaves_are_ended_also_after_the_time_limit(tried: House) -> None:
    """One process left the session, and another lost its parent."""
    script = "setsid sleep 86431 & (setsid sh -c 'sleep 86432 & sleep 86433' >/dev/null 2>&1 &); {}"
    assert sh(tried, script.format("exit 0"))["status"] == 0
    late = sh(tried, script.format("trap '' TERM; sleep 86434; sleep 86435"), "--time-limit", "1")
    assert late["tests"][0]["result"] == "failed: it was ended after the time limit of 1 seconds"
    assert late["status"] == 1
    assert [processes(f"8643{digit}") for digit in range(1, 6)] == [[]] * 5


@pytest.mark.slow
def test_a_command_that_fills_the_disk_of_the_copy_fails(tried: House) -> None:
    script = (
        'psql -qc "create table big as select repeat(md5(i::text), 50) from generate_series(1, 1e7) i" || true;'
        'psql -qc "create table more as select repeat(md5(i::text), 50) from generate_series(1, 1e7) i" || true;'
        "exit 0"
    )
    found = sh(tried, f"{script} & wait")
    text = json.dumps(found)
    assert "it wrote more than" in text or "could not extend" in text, found


@pytest.mark.slow
def test_a_command_that_kills_ctgitops_leaves_no_server_and_no_process(tried: House) -> None:
    script = "trap '' TERM HUP; sleep 86441 >&- 2>&- & echo port=$PGPORT >&2; kill -9 $PPID; wait"
    running = tried.start("try", "--env", "staging", "--", "sh", "-c", script)
    running.process.wait()
    _, said = running.process.communicate()
    (port,) = [line.removeprefix("port=") for line in said.splitlines() if line.startswith("port=")]
    until(lambda: processes(f"port={port}") == [])
    until(lambda: processes("86441") == [])


@pytest.mark.slow
def test_a_copy_can_be_made_from_an_artifact_without_the_database(tried: House) -> None:
    written = tried.run("schema", "--env", "staging", "--out", "schema.json")
    assert written.status == 0, written.said
    text = (tried.root / "schema.json").read_text()
    assert '"001_people"' in text
    assert "Ada" not in text
    url = tried.secrets.pop("STAGING_DATABASE_URL")
    found = sh(tried, 'psql -Atc "table people"', "--from", "schema.json")
    assert (found["status"], found["migrations"]) == (0, ["002_age"])
    assert found["tests"][0]["output"] == "1|Ada|7\n2|seed|7\n"
    tried.environment("production", url)
    wrong = tried.run("try", "--env", "production", "--from", "schema.json", "--", "true")
    assert (wrong.status, "is the schema of staging, not of production" in wrong.said) == (2, True)


def test_a_command_that_cannot_run_is_a_usage_error(house: House) -> None:
    house.environment("staging", None)
    nothing = house.run("try", "--env", "staging")
    assert (nothing.status, "name a command after `--`" in nothing.said) == (2, True)


@pytest.mark.slow
def test_a_secret_is_not_passed_on_and_a_failing_migration_runs_no_command(tried: House) -> None:
    secret = tried.run("try", "--env", "staging", "--keep-env", "STAGING_DATABASE_URL", "--", "env")
    assert (secret.status, "is a secret of a manifest" in secret.said) == (2, True)
    key = tried.run(
        "try", "--env", "staging", "--keep-env", "CTGITOPS_IDENTITY", "--", "env", environ={"CTGITOPS_IDENTITY": "x"}
    )
    assert (key.status, "CTGITOPS_IDENTITY is a secret" in key.said) == (2, True), key.said
    tried.migration("003_wrong", "alter table nowhere add column a int;")
    failed = tried.run("try", "--env", "staging", "--", "touch", "ran")
    assert (failed.status, "migrations/003_wrong.sql:1" in failed.said) == (6, True), failed.said
    assert not (tried.root / "ran").exists()
    missing = tried.run("try", "--env", "staging", "--role", "nobody_there", "--to", "002", "--", "true")
    assert (missing.status, "the copy has no role `nobody_there`" in missing.said) == (2, True), missing.said


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every process")
@pytest.mark.slow
def test_a_command_cannot_read_the_environment_of_ctgitops(tried: House) -> None:
    found = sh(tried, "cat /proc/$PPID/environ")
    assert "STAGING_DATABASE_URL" not in json.dumps(found)


@pytest.mark.slow
def test_each_test_of_the_policy_gets_its_own_copy_and_the_results_fit_their_schema(tried: House) -> None:
    one = "{name: one, run: \"psql -Atc 'create role ada; select count(*) from people; delete from people'\"}"
    two = "{name: two, run: \"psql -Atc 'create role ada; select count(*) from people'; exit $EXIT\", keep_env: [EXIT]}"
    tried.policy(f"header: optional\ntests: [{one}, {two}]\n")
    run = tried.run("try", "--env", "staging", "--tests", "--format", "json", environ={"EXIT": "4"})
    assert run.status == 1, run.said
    valid("try", run.out)
    assert [(t["name"], t["passed"], t["exit_status"]) for t in run.json["tests"]] == [
        ("one", True, 0),
        ("two", False, 4),
    ]
    assert all(t["output"].startswith("CREATE ROLE\n2\n") for t in run.json["tests"]), run.json
    text = tried.run("try", "--env", "staging", "--tests", environ={"EXIT": "0"})
    assert (text.status, "two: passed" in text.out) == (0, True), text.said
    tried.policy("header: optional\n")
    none = tried.run("try", "--env", "staging", "--tests")
    assert (none.status, "the policy has no tests" in none.said) == (3, True), none.said


@pytest.mark.slow
def test_generated_rows_are_in_the_copy_with_the_statistics_of_the_target(tried: House, database_url: str) -> None:
    values = "select n, case when n % 2 = 0 then 'n' || n % 5 end from generate_series(10, 1009) n"
    more = f"alter table people add column nick text; insert into people (id, nick) {values}; analyze people"
    run_sql(database_url, more)
    tried.policy("header: optional\nrows: {public.people: 1000}\n")
    script = 'psql -Atc "select count(*), count(distinct nick), round(avg((nick is null)::int), 1) from people"'
    assert sh(tried, script)["tests"][0]["output"] == "1002|5|0.5\n"
    assert tried.run("schema", "--env", "staging", "--out", "schema.json").status == 0
    assert sh(tried, script, "--from", "schema.json")["tests"][0]["output"] == "1002|5|0.5\n"
    tried.policy("header: optional\nrows: {public.nowhere: 1000}\n")
    wrong = tried.run("try", "--env", "staging", "--", "true")
    assert (wrong.status, "there is no table public.nowhere" in wrong.said) == (3, True), wrong.said


@pytest.mark.slow
def test_a_shell_is_opened_on_a_copy_only(tried: House, database_url: str) -> None:
    refused = tried.run("shell", "--env", "staging")
    assert (refused.status, "Missing option '--copy'" in refused.said) == (2, True), refused.said
    process = tried.start("shell", "--env", "staging", "--copy", stdin=subprocess.PIPE)
    out, _ = process.process.communicate("delete from people where id = 1;\nselect name, age from people;\n")
    assert process.process.returncode == 0
    assert "DELETE 1" in out
    assert "seed |   7" in out
    assert fetch(database_url, "select count(*) from people") == [(2,)]


@pytest.mark.slow
def test_pgtap_works(tried: House, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = sorted(Path("/usr/share/postgresql").glob("*/extension/pgtap.control"))
    if not packaged or shutil.which("pg_prove") is None:
        raise missing("pgtap", "pgTAP or pg_prove is not installed")
    # Other servers of this major version may be found first, without pgTAP
    monkeypatch.setenv("CTGITOPS_POSTGRES", f"/usr/lib/postgresql/{packaged[-1].parents[1].name}/bin")
    tap = "begin; select plan(1); select has_column('people', '{}'); select * from finish(); rollback;"
    tried.write("t/right.sql", tap.format("age"))
    tried.write("u/wrong.sql", tap.format("height"))
    script = "psql -qc 'create extension pgtap' && pg_prove {}/*.sql"
    assert sh(tried, script.format("t"))["status"] == 0
    wrong = sh(tried, script.format("u"))
    assert (wrong["status"], "Column people.height should exist" in wrong["tests"][0]["output"]) == (1, True), wrong
