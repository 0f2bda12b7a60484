"""A backup by a command: the contract, and what does not count as a backup."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.servers import fetch
from tests.stories.house import INTERRUPTED, House, has

HEAD = "#!/usr/bin/env python3\nimport datetime, json, os, sys, time\nasked = json.load(sys.stdin)\n"
WELL = """
with open("calls.jsonl", "a") as file:
    file.write(json.dumps(asked) + "\\n")
now = datetime.datetime.now(datetime.timezone.utc).isoformat()
if asked["call"] == "backup":
    found = {"id": "snap-1", "time": now, "lsn": "0/3000168", "restore": "restore snap-1", "notes": ["a note"]}
    print(json.dumps(found))
else:
    print(json.dumps({"verified": True, "how": "snapshot is available"}))
"""


@pytest.fixture
def provided(lived_in: House, database_url: str) -> House:
    script(lived_in, WELL)
    lived_in.environment("staging", database_url, "backup: {by: command, command: [scripts/snapshot, arg]}\n")
    lived_in.migration("002_two", "create table two ();")
    return lived_in


def script(house: House, text: str) -> Path:
    path = house.write("scripts/snapshot", HEAD + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_command_gets_what_it_needs_and_its_answer_is_the_receipt(provided: House, database_url: str) -> None:
    done = provided.applied("--format", "text")
    backup, verify = map(json.loads, (provided.root / "calls.jsonl").read_text().splitlines())
    assert (backup["version"], backup["call"], backup["environment"]) == (1, "backup", "staging")
    ((fingerprint, receipt),) = fetch(database_url, "select plan, receipt from ctgitops.ledger where name = '002_two'")
    assert backup["plan"] == {"fingerprint": fingerprint, "migrations": ["002_two"]}
    ((name,),) = fetch(database_url, "select current_database()")
    assert backup["database"]["name"] == name
    assert backup["database"]["system_identifier"].isdecimal()
    assert verify["backup"]["id"] == "snap-1"
    assert isinstance(receipt, dict)
    assert (receipt["id"], receipt["by"], receipt["restore_with"]) == ("snap-1", "command", "restore snap-1")
    assert "taken by command, not restored by ctgitops; verification: snapshot is available" in done.words
    assert "to restore it: `restore snap-1`" in done.words
    assert "a note" in done.words
    by_hand = provided.run("backup", "--env", "staging")
    assert by_hand.status == 0
    assert "taken and verified by command" in by_hand.words


DRILLED = """
assert asked == {"version": 1, "call": "drill", "environment": "staging"}, asked
print(json.dumps({"restored": True, "id": "snap-1", "time": "2026-11-24T09:30:00Z", "how": "counted 12 rows"}))
"""


def test_a_drill_by_a_command_shows_its_answer_without_the_database(provided: House) -> None:
    script(provided, DRILLED)
    del provided.secrets["STAGING_DATABASE_URL"]
    done = provided.run("backup", "drill", "--env", "staging")
    assert done.status == 0, done.said
    assert "command reports that it restored snap-1; not compared by ctgitops" in done.words
    assert "counted 12 rows; the backup is of 2026-11-24 09:30:00 UTC" in done.words
    drilled = provided.run("backup", "drill", "--format", "json").json["environments"][0]["drill"]
    assert (drilled["backup"], drilled["by"], drilled["restore_seconds"] > 0) == ("snap-1", "command", True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WELL, "`restored` is not true: snapshot is available"),
        (DRILLED.replace("True", "1"), "`restored` is not true"),
        (DRILLED.replace('"time"', '"then"'), "`time` is missing"),
        (DRILLED.replace('"id"', '"name"'), "`id` is missing"),
        ("sys.exit('no drill here')", "ended with exit status 1: no drill here"),
    ],
)
def test_an_answer_that_is_no_restore_fails_the_drill(provided: House, text: str, said: str) -> None:
    script(provided, text)
    failed = provided.run("backup", "drill", "--env", "staging")
    assert failed.status == 7, failed.said
    assert "DRILL FAILED" in failed.words
    assert said in failed.words
    assert "the backup is no longer proved" in failed.words


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sys.exit('no quota left')", "ended with exit status 1: no quota left"),
        ("print('done')", "it printed no JSON on standard output"),
        ("print('[]')", "it did not print a JSON object"),
        ("print('{}')", "`id` is missing"),
        ('print(json.dumps({"id": "x", "restore": "r", "time": "2020-01-01T00:00:00Z"}))', "before this run began"),
        ('print(json.dumps({"id": "x", "restore": "r", "time": "2020-01-01"}))', "`time` has no time zone"),
        (WELL.replace('"0/3000168"', '"here"'), "`lsn` is not an LSN"),
        (WELL.replace("True", "False"), "`verified` is not true: snapshot is available"),
        (WELL.replace("True", '"yes"'), "`verified` is not true"),
        (WELL.replace('"how"', '"who"'), "`how` is missing"),
        (WELL.replace('"notes"', '"remarks"'), "unknown key `remarks`"),
        ("print(os.environ['STAGING_DATABASE_URL'], file=sys.stderr); sys.exit(3)", "ended with exit status 3"),
    ],
)
def test_what_does_not_count_stops_the_run(provided: House, database_url: str, text: str, said: str) -> None:
    script(provided, text)
    refused = provided.apply()
    assert refused.status == 7, refused.said
    assert said in refused.words
    assert "nothing was changed" in refused.words
    assert not has(database_url, "two")


@pytest.mark.slow
def test_a_command_that_cannot_be_run_or_is_too_slow_stops_the_run(provided: House, database_url: str) -> None:
    (provided.root / "scripts/snapshot").chmod(0o644)
    refused = provided.apply()
    assert (refused.status, "cannot run scripts/snapshot: Permission denied" in refused.words) == (7, True)
    script(provided, "time.sleep(600)")
    manifest = "backup: {by: command, command: [scripts/snapshot], max_time: 1s}\n"
    provided.environment("staging", database_url, manifest)
    slow = provided.apply()
    assert slow.status == 7
    assert "it took longer than `backup.max_time`, 1 s" in slow.words
    assert not has(database_url, "two")


@pytest.mark.slow
def test_an_interrupted_command_ends_with_the_run(provided: House, database_url: str) -> None:
    script(provided, "open('begun', 'w').close(); time.sleep(600)")
    running = provided.start("apply", "--env", "staging")
    running.says("command takes a backup")
    running.ctrl_c()
    assert running.ended().status in {7, INTERRUPTED}
    assert not has(database_url, "two")
