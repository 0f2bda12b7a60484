"""`--log-format json`: standard error has JSON lines alone, and standard output stays as it is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.notify.test_json_lines import valid
from tests.stories.house import CODE, House

pytestmark = pytest.mark.slow


def test_every_line_of_a_run_is_json_and_the_result_is_unchanged(house: House, database_url: str) -> None:
    house.environment("staging", database_url, "backup: {to: backups}\n")
    house.migration("001_t", "create table t (id int);")
    done = house.apply("--log-format", "json", "--format", "json")
    lines = [valid(line) for line in done.err.splitlines()]
    assert done.json["status"] == "applied"
    assert [line["event"] for line in lines if line["migration"]] == ["step-started", "step-finished"]
    assert {line["environment"] for line in lines} == {"staging"}
    assert (lines[-1]["event"], lines[-1]["outcome"], lines[-1]["exit_status"]) == ("run-ended", "applied", 0)
    assert lines[-1]["message"].startswith("1 migration applied")
    again = [valid(line) for line in house.apply("--log-format", "json").err.splitlines()]
    assert (again[-1]["event"], again[-1]["outcome"]) == ("run-ended", "up-to-date")
    assert {"plan-started", "backup-taken", "recovery-point-taken"} <= {line["event"] for line in lines}


@pytest.mark.parametrize(
    ("arguments", "code", "status"),
    [
        (("apply", "--env", "staging"), "apply", 6),
        (("apply", "--env", "nowhere"), "usage", 2),
        (("apply", "--no-such-option"), "usage", 2),
    ],
)
def test_an_error_is_the_last_line(house: House, arguments: tuple[str, ...], code: str, status: int) -> None:
    house.migration("001_t", "create table t (id int); select 1 / 0;")
    failed = house.run(*arguments, "--log-format=json")
    lines = [valid(line) for line in failed.err.splitlines()]
    last = lines[-1]
    assert (last["event"], last["code"], last["exit_status"], failed.status) == ("error", code, status, status)
    assert last["hint"]


def test_a_run_that_is_stopped_says_so_as_json(house: House) -> None:
    house.migration("001_t", "select pg_sleep(60);")
    running = house.start("apply", "--env", "staging", "--log-format", "json")
    running.says('"event": "step-started"')
    running.ctrl_c()
    lines = [valid(line) for line in running.ended().err.splitlines()]
    assert lines[-1]["event"] == "error"


@pytest.mark.parametrize("option", [["--log-format", "json"], ["--log-format=json"], []])
def test_a_run_that_is_stopped_while_python_imports_it_says_so_in_the_format_of_the_log(option: list[str]) -> None:
    stopped = "import sys, ctgitops.__main__ as it; sys.argv[0] = 'ctgitops'; it._leave(2, None)"
    done = subprocess.run(
        [sys.executable, "-c", stopped, "apply", *option], cwd=CODE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    if option:
        line = valid(done.stderr)
        assert (line["event"], line["code"], line["exit_status"]) == ("error", "interrupted", 130)
    else:
        assert done.stderr == "error[interrupted]: the run was asked to stop before it began\n"


def test_a_run_that_waits_or_has_no_outcome_ends_with_an_event(house: House, database_url: str) -> None:
    frozen = "freeze: [{from: 2020-01-01, to: 2099-01-01, timezone: UTC, reason: sale}]\nbackup: {to: backups}\n"
    house.environment("staging", database_url, frozen)
    house.migration("001_t", "create table t (id int);")
    waits = house.run("apply", "--env", "staging", "--log-format", "json")
    last = valid(waits.err.splitlines()[-1])
    assert (last["event"], last["level"], last["outcome"], last["exit_status"]) == (
        "run-ended",
        "warning",
        "waiting",
        5,
    )
    last = valid(house.run("backup", "--env", "staging", "--log-format", "json").err.splitlines()[-1])
    assert (last["event"], last["outcome"], last["exit_status"]) == ("run-ended", "done", 0)


@pytest.mark.parametrize("verb", ["apply", "rollback", "reset", "repair", "baseline", "backup", "restore"])
def test_every_verb_that_shows_progress_has_the_option(house: House, verb: str) -> None:
    assert "--log-format" in house.run(verb, "--help").out
