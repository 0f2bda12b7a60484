from __future__ import annotations

import json
from importlib import resources
from typing import Any

import jsonschema
import pytest

from ctgitops.commands.check import check
from ctgitops.core.gate.gate import Unreadable
from ctgitops.core.run.outcome import Outcome
from ctgitops.core.view.preview import PlanResult
from ctgitops.core.view.status import status_of
from ctgitops.errors import ApplyError, LedgerError, Place
from ctgitops.report.json import check_json, error_json, outcome_json, plan_json, plans_json
from ctgitops.report.status_json import status_json
from tests.fakes import PRODUCTION, STAGING, migration, workspace
from tests.report.cases import APPLIED, BACK, BLOCKED, MIXED_LEDGER, NOTHING, READY, REFUSED, UP_TO_DATE, WAITING, WORK

BACKUPS = ("backup-list", "backup-prune", "backup-verify", "backup-drill")


def schema(name: str) -> dict[str, Any]:
    text = (resources.files("ctgitops.report") / "schemas" / f"{name}.schema.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def valid(name: str, page: str) -> dict[str, Any]:
    """The page, read, when it is of the published shape."""
    found: dict[str, Any] = json.loads(page)
    checker = jsonschema.FormatChecker()
    jsonschema.Draft202012Validator(schema(name), format_checker=checker).validate(found)
    assert found["version"] == 1
    return found


@pytest.mark.parametrize(
    "name",
    [
        *(
            "plan",
            "outcome",
            "status",
            "check",
            "error",
            "drift",
            "diff",
            "baseline",
            "verify",
            "notification",
            "history",
            "performance",
        ),
        "traffic",
        "watch",
        *BACKUPS,
    ],
)
def test_each_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize("results", [READY, BLOCKED, NOTHING])
def test_plans(results: tuple[PlanResult, ...]) -> None:
    found = valid("plan", plans_json(results))
    assert [plan["environment"] for plan in found["plans"]] == [result.environment.name for result in results]
    for result in results:
        valid("plan", plan_json(result))


def test_a_plan_has_what_scripts_rest_on() -> None:
    found = valid("plan", plan_json(READY[1]))
    promised = {"environment", "current_version", "target_version", "fingerprint", "blocked", "steps", "problems"}
    assert promised <= found.keys()
    assert (found["current_version"], found["target_version"], found["blocked"]) == ("1.0.0", "2.0.0", False)
    last = found["steps"][-1]
    assert {"checksum", "findings", "impact"} <= last.keys()
    told = {key: last[key] for key in ("number", "name", "version", "transactional", "breaking", "rollback")}
    assert told == {
        "number": 4,
        "name": "004_drop_legacy_status",
        "version": "2.0.0",
        "transactional": True,
        "breaking": True,
        "rollback": "Not Available",
    }


def test_an_environment_that_cannot_be_read_has_an_error_and_no_plan() -> None:
    found = valid("plan", plan_json(BLOCKED[1]))
    assert found.keys() == {"version", "environment", "error"}
    assert found["error"]["exit_status"] == 4


@pytest.mark.parametrize("outcome", [APPLIED, WAITING, REFUSED, BACK, UP_TO_DATE])
def test_outcomes(outcome: Outcome) -> None:
    found = valid("outcome", outcome_json(outcome))
    assert found["exit_status"] == outcome.exit_status
    assert (found["receipt"] is None) == (outcome.receipt is None)


def test_status() -> None:
    seen = status_of(WORK, STAGING, MIXED_LEDGER)
    unseen = status_of(WORK, PRODUCTION, Unreadable("connection refused"))
    found = valid("status", status_json((seen, unseen)))
    assert [m["status"] for m in found["environments"][0]["migrations"]] == [
        "applied",
        "applied",
        "unfinished",
        "failed",
    ]
    assert found["environments"][1]["pending"] is None


def test_check_and_errors() -> None:
    broken = workspace(migration("001_one", "1.0.0", sql="SELEC 2;\n"))
    assert valid("check", check_json(broken, check(broken)))["problems"]
    assert valid("check", check_json(WORK, ()))["problems"] == []
    valid("error", error_json(LedgerError("no", place=Place("a.sql", 1, 2))))
    valid("error", error_json(ApplyError("no", sqlstate="42P01", statement="SELECT", detail="", state="no trace")))


def test_a_field_that_is_not_published_is_noticed() -> None:
    found = json.loads(plan_json(READY[0])) | {"surprise": 1}
    with pytest.raises(jsonschema.ValidationError):
        valid("plan", json.dumps(found))
