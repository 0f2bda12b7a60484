"""The rules that the shipped workflows keep, and the one in docs/action.md, beyond what linters check."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ctgitops.action.resume import STARTED_WITH
from ctgitops.github.event import PLANNED
from ctgitops.github.inputs import BY_PEOPLE, Command, names

ROOT = Path(__file__).parent.parent
FILES = ("plan", "deploy", "drift", "drill", "commands", "fork")
PAGE = (ROOT / "docs/action.md").read_text(encoding="utf-8")
SHIPPED: dict[str, Any] = {
    name: yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8")) for name in FILES
}
(DATABASE,) = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "jobs:" in block)
ALL = {**SHIPPED, "database": DATABASE}
UNMERGED = ("plan", "tests")
"""The job that runs unmerged code. It has no step with this Action."""
JOBS = [
    (file, name, job)
    for file, workflow in ALL.items()
    for name, job in workflow["jobs"].items()
    if (file, name) != UNMERGED
]
IDS = [f"{file}-{name}" for file, name, _ in JOBS]


def events(workflow: dict[Any, Any]) -> dict[str, Any]:
    """The `on` of a workflow, which YAML takes for true."""
    return {**workflow[True]}


def step(job: dict[str, Any]) -> dict[str, Any]:
    """The step of a job that is this Action."""
    (found,) = (each for each in job["steps"] if each.get("uses") in ("./", "constructtrack/ctgitops@v0"))
    return {"with": {}, **found}


def group(job: dict[str, Any]) -> str:
    return str(job["concurrency"]["group"])


@pytest.mark.parametrize(("file", "name", "job"), JOBS, ids=IDS)
def test_a_step_is_given_inputs_that_the_action_has(file: str, name: str, job: dict[str, Any]) -> None:
    assert set(step(job)["with"]) <= set(names()), (file, name)


def test_the_page_uses_the_actions_that_the_workflows_use() -> None:
    used = {
        file: {each["uses"] for job in ALL[file]["jobs"].values() for each in job["steps"] if "uses" in each}
        for file in ALL
    }
    assert used["database"] - {"constructtrack/ctgitops@v0"} <= used["deploy"]


@pytest.mark.parametrize("name", ["plan", "database"])
def test_pull_requests_are_planned_for_the_default_branch_alone(name: str) -> None:
    pull_request = events(ALL[name])["pull_request"]
    assert pull_request["branches"] == ["main"]
    assert set(PLANNED) <= set(pull_request["types"])


def test_a_plan_never_waits_for_an_apply() -> None:
    applies = {group(job) for _, name, job in JOBS if name in ("staging", "apply", "change")}
    plans = {group(job) for _, name, job in JOBS if name in ("plan", "drift", "resume")}
    assert len(applies) > 2
    assert applies & plans == set()


@pytest.mark.parametrize("file", ["deploy", "database"])
def test_an_environment_with_reviewers_gets_exactly_the_plan_that_was_shown(file: str) -> None:
    plan, apply = ALL[file]["jobs"]["plan"], ALL[file]["jobs"]["apply"]
    assert plan["outputs"]["fingerprint"] == f"${{{{ steps.{step(plan)['id']}.outputs.fingerprint }}}}"
    assert step(plan)["with"]["dry-run"] is True
    assert apply["needs"] == "plan"
    assert step(apply)["with"]["fingerprint"] == "${{ needs.plan.outputs.fingerprint }}"
    assert step(apply)["with"]["require-fingerprint"] in (
        True,
        "${{ github.event_name == 'release' }}",
        "${{ github.event_name != 'push' }}",
    )


def test_no_other_job_of_a_shipped_workflow_names_production() -> None:
    """An environment with reviewers is reached by one path: the job that needs the plan."""
    named = {(file, name) for file, name, job in JOBS if "production" in str(job.get("environment"))}
    assert named == {("deploy", "apply")}
    holders = [(file, name, job) for file, name, job in JOBS if "PRODUCTION_DATABASE_URL" in str(job)]
    secrets = {(file, name) for file, name, job in holders if job.get("environment", {}).get("name") != "plan"}
    assert secrets == {("deploy", "apply"), *(("database", job) for job in ("plan", "apply", "resume"))}


def test_both_jobs_of_a_deployment_get_the_same_inputs_of_a_manual_run() -> None:
    jobs = SHIPPED["deploy"]["jobs"]
    given = events(SHIPPED["deploy"])["workflow_dispatch"]["inputs"]
    assert set(given) <= set(BY_PEOPLE)
    assert set(given["command"]["options"]) <= set(Command)
    for name in ("to", "accept-data-loss", "again", "override", "reason", "environment", "command"):
        assert step(jobs["plan"])["with"][name] == step(jobs["apply"])["with"][name]
        assert f"inputs.{name}" in step(jobs["plan"])["with"][name]


def test_each_command_by_hand_changes_something_in_one_job_alone() -> None:
    """The job `plan` has no approval, so the commands that its step runs change nothing, for `dry-run` is true."""
    jobs = SHIPPED["deploy"]["jobs"]
    commands = set(events(SHIPPED["deploy"])["workflow_dispatch"]["inputs"]["command"]["options"])
    read_only = {"plan", "status", "drift"}
    approved = set(re.findall(r'"(\w+)"', jobs["apply"]["if"])) - {"none"}
    assert approved == commands - read_only
    assert jobs["plan"]["steps"][-1]["if"] == "inputs.command != 'unlock'"


def test_no_approval_is_asked_for_while_a_plan_waits_or_has_nothing_to_do() -> None:
    condition = SHIPPED["deploy"]["jobs"]["apply"]["if"]
    assert "needs.plan.outputs.waiting != 'true'" in condition
    assert """!contains(fromJSON('["", "none"]'), needs.plan.outputs.fingerprint)""" in condition
    assert SHIPPED["deploy"]["jobs"]["plan"]["outputs"]["waiting"] == "${{ steps.ctgitops.outputs.waiting }}"


def test_what_resume_starts_accepts_what_resume_gives() -> None:
    started = step(SHIPPED["drift"]["jobs"]["resume"])["with"]["workflow"]
    declared = events(SHIPPED[started.removesuffix(".yml")])["workflow_dispatch"]["inputs"]
    assert set(STARTED_WITH) | {"environment"} <= set(declared)
    for name, value in STARTED_WITH.items():
        assert value in declared[name]["options"]
    assert SHIPPED["drift"]["jobs"]["resume"]["permissions"]["actions"] == "write"


@pytest.mark.parametrize(("file", "name", "job"), JOBS, ids=IDS)
def test_a_job_that_can_find_trouble_may_keep_the_issue_about_it(file: str, name: str, job: dict[str, Any]) -> None:
    keeps = name in ("apply", "drift", "drill") or (file, name) in {
        ("deploy", "plan"),
        ("database", "plan"),
    }
    assert (job["permissions"].get("issues") == "write") is keeps, file


def test_each_schedule_runs_one_job() -> None:
    crons = [each["cron"] for each in events(SHIPPED["drift"])["schedule"]]
    conditions = [job["if"] for job in SHIPPED["drift"]["jobs"].values()]
    assert len(crons) == len(conditions) == 3
    for cron in crons:
        assert sum(f"!= '{cron}'" in condition for condition in conditions) == len(conditions) - 1


def test_a_comment_starts_a_job_only_by_people_who_belong_to_the_repository() -> None:
    jobs = SHIPPED["commands"]["jobs"]
    for job in jobs.values():
        assert (
            """fromJSON('["OWNER", "MEMBER", "COLLABORATOR"]'), github.event.comment.author_association""" in job["if"]
        )
    assert jobs["plan"]["environment"]["name"] == "plan"
    changing = {"apply", "unlock"}
    said = {job: set(re.findall(r"(!?)startsWith\(github.event.comment.body, '/ctgitops (\w+)'", jobs[job]["if"]))
            for job in jobs}  # fmt: skip
    assert said == {"plan": {("!", verb) for verb in changing}, "change": {("", verb) for verb in changing}}


@pytest.mark.parametrize(("file", "name", "job"), JOBS, ids=IDS)
def test_a_job_that_changes_or_checks_a_database_may_set_the_status_of_the_commit(
    file: str, name: str, job: dict[str, Any]
) -> None:
    sets = name in ("staging", "apply", "change", "drift") or (file, name) in {("deploy", "plan"), ("database", "plan")}
    assert ("statuses" in job["permissions"]) is sets, file


def test_the_job_that_runs_unmerged_code_has_no_secret_no_permission_and_no_token() -> None:
    """Seen to fail with `contents: read`, and with a secret under `env`."""
    file, name = UNMERGED
    job = SHIPPED[file]["jobs"][name]
    assert job["permissions"] == {}
    assert "secrets." not in str(job)
    assert "environment" not in job
    assert all(each["with"]["persist-credentials"] is False for each in job["steps"] if "checkout" in str(each))
    report = SHIPPED[file]["jobs"]["report"]
    assert "secrets." not in str(report)
    assert report["permissions"] == {"contents": "read", "pull-requests": "write"}
    files = {"tests": "results/tests.json", "benchmark": "results/benchmark.json"}
    assert step(report)["with"] == {"command": "tests", **files}


def test_only_the_artifact_counts_as_results_and_a_failed_plan_gets_a_report() -> None:
    """Seen to fail with a checkout that has a folder `results`, and with the default condition of a job."""
    jobs = SHIPPED[UNMERGED[0]]["jobs"]
    steps = [str(each) for each in jobs["report"]["steps"]]
    (removed,) = [at for at, each in enumerate(steps) if "rm -rf results" in each]
    assert "checkout" in steps[removed - 1]
    assert "download-artifact" in steps[removed + 1]
    assert any("rm -rf results && mkdir results" in str(each) for each in jobs["tests"]["steps"])
    assert jobs["tests"]["if"].startswith("!cancelled() && ")
    upload = next(each for each in jobs["plan"]["steps"] if each.get("with", {}).get("name") == "schemas")
    assert upload["if"].startswith("always() && ")
    assert upload["with"]["path"] == "ctgitops-schema-staging.json"  # not that of production
