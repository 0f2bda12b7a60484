"""The one workflow of docs/action.md does what the shipped workflows do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pages.blocks import blocks

SHIPPED = Path(__file__).parents[2] / ".github" / "workflows"
ON: Any = True
"""YAML 1.1 reads the key `on` as true."""
OTHER = {"plan": {"environment", "on-wait"}, "apply": {"environment", "require-fingerprint"}}
"""Inputs that differ, because the one workflow also plans pull requests and applies merges."""


def shipped(name: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((SHIPPED / name).read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def page() -> dict[Any, Any]:
    (block,) = (b for b in blocks("yaml") if "# .github/workflows/database.yml" in b.text)
    found: dict[Any, Any] = yaml.safe_load(block.text)
    return found


def choices(on: dict[Any, Any]) -> dict[str, dict[str, Any]]:
    """The inputs of a manual run, without their descriptions, which are shorter on the page."""
    inputs = on["workflow_dispatch"]["inputs"]
    return {name: {key: each[key] for key in each if key != "description"} for name, each in inputs.items()}


def step(job: dict[str, Any]) -> dict[str, Any]:
    (found,) = (each for each in job["steps"] if "ctgitops" in each["uses"] or each["uses"] == "./")
    return dict(found)


def test_it_runs_on_the_events_of_the_shipped_workflows(page: dict[Any, Any]) -> None:
    deploy, drift, plan = shipped("deploy.yml")[ON], shipped("drift.yml"), shipped("plan.yml")[ON]
    assert choices(page[ON]) == choices(deploy)
    assert page[ON]["release"] == deploy["release"]
    assert page[ON]["pull_request"] == {key: plan["pull_request"][key] for key in ("branches", "types")}
    assert page[ON]["push"] == {"branches": deploy["push"]["branches"]}
    (cron,) = (each["cron"] for each in page[ON]["schedule"])
    assert cron in [each["cron"] for each in drift[ON]["schedule"]]
    assert cron not in drift["jobs"]["resume"]["if"]
    assert cron in drift["jobs"]["drift"]["if"]


@pytest.mark.parametrize("name", ["plan", "apply"])
def test_its_jobs_have_the_inputs_and_permissions_of_deploy_yml(page: dict[Any, Any], name: str) -> None:
    ours, theirs = page["jobs"][name], shipped("deploy.yml")["jobs"][name]
    assert set(step(ours)["with"]) == set(step(theirs)["with"])
    same = set(step(ours)["with"]) - OTHER[name]
    assert {key: step(ours)["with"][key] for key in same} == {key: step(theirs)["with"][key] for key in same}
    assert step(ours).get("if") == step(theirs).get("if")
    more = {"plan": shipped("plan.yml")["jobs"]["plan"]["permissions"], "apply": {}}[name]
    assert ours["permissions"] == theirs["permissions"] | more


def test_it_asks_for_no_approval_of_a_plan_that_waits_and_resumes_it(page: dict[Any, Any]) -> None:
    condition, deploy = page["jobs"]["apply"]["if"], shipped("deploy.yml")["jobs"]["apply"]["if"]
    assert " ".join(deploy.split()) in " ".join(condition.split())
    ours, theirs = page["jobs"]["resume"], shipped("drift.yml")["jobs"]["resume"]
    assert ours["permissions"] == theirs["permissions"]
    assert step(ours)["with"] == {"command": "resume", "workflow": "database.yml"}
    assert step(theirs)["with"]["command"] == "resume"
