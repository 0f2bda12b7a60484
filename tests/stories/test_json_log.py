"""`--log-format json`: standard error has JSON lines alone, and standard output stays as it is."""

from __future__ import annotations

import pytest

from tests.notify.test_json_lines import valid
from tests.stories.house import House

pytestmark = pytest.mark.slow


def test_every_line_of_a_run_is_json_and_the_result_is_unchanged(house: House, database_url: str) -> None:
    house.environment("staging", database_url, "backup: {to: backups}\n")
    house.migration("001_t", "create table t (id int);")
    done = house.apply("--log-format", "json", "--format", "json")
    lines = [valid(line) for line in done.err.splitlines()]
    assert done.json["status"] == "applied"
    assert [line["event"] for line in lines if line["migration"]] == ["step-started", "step-finished"]
    assert {line["environment"] for line in lines} == {"staging"}
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


@pytest.mark.parametrize("verb", ["apply", "rollback", "reset", "repair", "baseline", "backup", "restore"])
def test_every_verb_that_shows_progress_has_the_option(house: House, verb: str) -> None:
    assert "--log-format" in house.run(verb, "--help").out
