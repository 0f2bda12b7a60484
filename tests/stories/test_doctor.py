"""`doctor`, as a user runs it: it changes nothing, an unknown result is never a success, fixes can be followed."""

from __future__ import annotations

import socket
import time

import pytest

from ctgitops.core.doctor.check_list import CHECKS
from ctgitops.core.doctor.diagnosis import CheckVerdict
from ctgitops.wiring import examinations
from ctgitops.wiring.wiring import Wiring
from tests.report.test_json import valid
from tests.stories.house import House, facts

pytestmark = pytest.mark.slow
NO_GITHUB = {"GITHUB_TOKEN": "", "GH_TOKEN": ""}


def by_check(page: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for each in valid("doctor", page)["results"]:
        found.setdefault(each["check"], []).append(each)
    return found


def test_every_check_has_a_result_and_nothing_is_changed(house: House, database_url: str) -> None:
    house.environment("staging", database_url, "backup: {to: backups}\n")
    house.migration("001_t", "create table t (id int);")
    house.applied()
    before = facts(database_url), sorted(house.root.rglob("*"))
    looked = house.run("doctor", "--format", "json", environ=NO_GITHUB)
    assert (facts(database_url), sorted(house.root.rglob("*"))) == before
    assert set(by_check(looked.out)) == set(CHECKS)
    for results in by_check(looked.out).values():
        assert all(each["why"] for each in results if each["verdict"] in {"problem", "unknown"})
        assert all(each["fix"] for each in results if each["verdict"] == "problem")


def test_without_a_token_github_is_unknown_and_the_exit_status_is_1(house: House) -> None:
    looked = house.run("doctor", "--only", "github", environ=NO_GITHUB)
    assert looked.status == 1
    assert "unknown github-token, branch-rules, github-environments: GITHUB_TOKEN is not set" in looked.words
    assert 'export GITHUB_TOKEN="$(gh auth token)"' in looked.out


def test_a_healthy_database_is_a_success(house: House) -> None:
    looked = house.run("doctor", "--only", "database", "--only", "settings")
    assert (looked.status, "In total: no problems" in looked.out) == (0, True), looked.out


def test_a_database_that_is_away_makes_every_other_check_unknown(house: House) -> None:
    house.environment("staging", "postgresql://anna:geheim-7@127.0.0.1:1/x")
    looked = house.run("doctor", "--env", "staging", "--format", "json", "--only", "database")
    found = by_check(looked.out)
    assert looked.status == 1
    assert found.pop("connect")[0]["verdict"] == "problem"
    assert {each["verdict"] for results in found.values() for each in results} == {"unknown"}
    assert "geheim-7" not in looked.said


def test_a_secret_that_is_unset_is_a_problem_and_the_rest_unknown(house: House) -> None:
    house.environment("staging", None)
    looked = house.run("doctor", "--only", "settings", "--only", "database")
    assert looked.status == 1
    assert "problem variables: STAGING_DATABASE_URL, the URL of the database, is not set" in looked.words
    assert "export STAGING_DATABASE_URL=" in looked.out


def test_environments_are_checked_at_the_same_time(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for name in ("one", "two", "three"):
            house.environment(name, f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/x")
        began = time.monotonic()
        looked = house.run("doctor", "--only", "database", "--format", "markdown")
    assert looked.status == 1
    assert time.monotonic() - began < 20, "three silent servers cost what one does"


def test_an_invalid_manifest_is_reported_beside_the_results(house: House) -> None:
    house.write("environments/broken.yaml", "environment: broken\n")
    looked = house.run("doctor", "--only", "settings")
    assert (looked.status, "environments/broken.yaml" in looked.err) == (3, True)
    assert "staging: no problems" in looked.out


def test_what_depends_on_an_unread_key_is_unknown(house: House, database_url: str) -> None:
    house.environment("staging", database_url, "backup: {to: backups, surprise: 1}\n")
    looked = house.run("doctor", "--env", "staging", "--format", "json", environ=NO_GITHUB)
    results = by_check(looked.out)
    verdicts = {check: results[check][0]["verdict"] for check in ("backup-store", "recovery", "disk", "connect")}
    assert verdicts == {"backup-store": "unknown", "recovery": "unknown", "disk": "unknown", "connect": "ok"}
    assert "surprise" in results["backup-store"][0]["what"]


def test_traces_that_cannot_be_sent_are_found(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def verdicts(**environ: str) -> list[CheckVerdict]:
        made = Wiring(house.root, environ).examinations.of(())
        (look,) = (each.looks["telemetry"] for each in made if "telemetry" in each.looks)
        return [each.verdict for each in look()]

    assert verdicts() == [CheckVerdict.OK]
    assert verdicts(OTEL_EXPORTER_OTLP_ENDPOINT="http://h") == [CheckVerdict.OK]
    monkeypatch.setattr(examinations, "find_spec", lambda _: None)
    assert verdicts(OTEL_EXPORTER_OTLP_ENDPOINT="http://h") == [CheckVerdict.PROBLEM]
