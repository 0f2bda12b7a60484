"""Checks of workflow files: our own are healthy, and each fault is found."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from ctgitops import __version__
from ctgitops.core.doctor.diagnosis import CheckVerdict, Diagnosis
from ctgitops.files.workflow_checks import WorkflowChecks

OURS = Path(__file__).parents[2] / ".github"
GOOD = f"""\
on: {{push: {{branches: [main]}}}}
jobs:
  deploy:
    permissions: {{contents: read, deployments: write}}
    concurrency: {{group: g, cancel-in-progress: false}}
    steps:
      - uses: actions/checkout@v7
      - uses: constructtrack/ctgitops@v{__version__}
"""


def checks(tmp_path: Path, text: str) -> WorkflowChecks:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "deploy.yml").write_text(text)
    return WorkflowChecks(tmp_path)


def all_of(found: WorkflowChecks) -> list[Diagnosis]:
    each: Iterable[Callable[[], Iterable[Diagnosis]]] = (
        found.readable,
        found.action,
        found.concurrency,
        found.permissions,
        found.checkout,
        found.paths,
    )
    return [diagnosis for check in each for diagnosis in check()]


def test_the_workflows_of_this_repository_are_healthy(tmp_path: Path) -> None:
    shutil.copytree(OURS, tmp_path / ".github")
    assert {
        each.what: each.verdict for each in all_of(WorkflowChecks(tmp_path)) if each.verdict is not CheckVerdict.OK
    } == {}


def test_a_good_workflow_is_healthy(tmp_path: Path) -> None:
    assert {each.verdict for each in all_of(checks(tmp_path, GOOD))} == {CheckVerdict.OK}


@pytest.mark.parametrize(
    ("old", "new", "check", "said"),
    [
        ("checkout@v7", "checkout@v4", "workflow-action", "uses actions/checkout v4, which needs Node.js 20"),
        (f"@v{__version__}", "@v0.0.1", "workflow-action", "uses ctgitops v0.0.1, and this is"),
        (f"@v{__version__}", f"@{'a' * 40} # v0.0.1", "workflow-action", "uses ctgitops v0.0.1, and this is"),
        (f"@v{__version__}", "@main", "workflow-action", "uses the branch main"),
        (
            "    concurrency: {group: g, cancel-in-progress: false}\n",
            "",
            "workflow-concurrency",
            "has no `concurrency`",
        ),
        ("cancel-in-progress: false", "cancel-in-progress: true", "workflow-concurrency", "cancels a run"),
        ("    permissions: {contents: read, deployments: write}\n", "", "workflow-permissions", "has no `permissions`"),
        ("{contents: read, deployments: write}", "write-all", "workflow-permissions", "`permissions: write-all`"),
        ("contents: read, ", "", "workflow-permissions", "may not read the repository"),
    ],
)
def test_a_fault_is_found(tmp_path: Path, old: str, new: str, check: str, said: str) -> None:
    assert old in GOOD
    found = [e for e in all_of(checks(tmp_path, GOOD.replace(old, new, 1))) if e.verdict is not CheckVerdict.OK]
    assert [(each.check, each.verdict) for each in found] == [(check, CheckVerdict.PROBLEM)]
    assert said in found[0].what
    assert found[0].fix


def test_the_fix_of_a_missing_key_works_when_followed(tmp_path: Path) -> None:
    bare = GOOD.replace("    concurrency: {group: g, cancel-in-progress: false}\n", "")
    bare = bare.replace("    permissions: {contents: read, deployments: write}\n", "")
    fixes = [each.fix for each in all_of(checks(tmp_path, bare)) if each.verdict is CheckVerdict.PROBLEM]
    fixed = bare.replace("    steps:", "".join(f"    {fix}\n" for fix in fixes) + "    steps:")
    assert {each.verdict for each in all_of(checks(tmp_path, fixed))} == {CheckVerdict.OK}


@pytest.mark.parametrize("ref", ["${{ github.event.pull_request.head.sha }}", "${{ github.head_ref }}"])
def test_code_of_a_pull_request_in_a_privileged_workflow_is_found(tmp_path: Path, ref: str) -> None:
    text = GOOD.replace("push: {branches: [main]}", "pull_request_target: {}")
    text = text.replace("checkout@v7", f"checkout@v7\n        with: {{ref: '{ref}'}}")
    (found,) = checks(tmp_path, text).checkout()
    assert (found.verdict, "pull_request_target" in found.what) == (CheckVerdict.PROBLEM, True)

    (harmless,) = checks(tmp_path, text.replace("pull_request_target", "pull_request")).checkout()
    assert harmless.verdict is CheckVerdict.OK


def test_a_plan_needs_no_group(tmp_path: Path) -> None:
    text = GOOD.replace("push: {branches: [main]}", "pull_request: {}")
    text = text.replace("    concurrency: {group: g, cancel-in-progress: false}\n", "")
    assert [each.verdict for each in checks(tmp_path, text).concurrency()] == [CheckVerdict.OK]


@pytest.mark.parametrize(
    ("paths", "verdict"),
    [
        ("['db/migrations/**', 'environments/**']", CheckVerdict.OK),
        ("['**.sql']", CheckVerdict.OK),
        ("['db/*/*.sql', '!docs/**']", CheckVerdict.OK),
        ("['migrations/**', 'environments/**']", CheckVerdict.PROBLEM),
        ("['db/**', '!db/migrations/**']", CheckVerdict.PROBLEM),
    ],
)
def test_a_filter_of_paths_without_the_folder_of_the_layout_is_found(
    tmp_path: Path, paths: str, verdict: CheckVerdict
) -> None:
    """A team with goose's folder copied our workflows, and no migration started them."""
    text = GOOD.replace("push: {branches: [main]}", f"push: {{branches: [main], paths: {paths}}}")
    (found,) = replace(checks(tmp_path, text), folder="db/migrations").paths()
    assert found.verdict is verdict
    assert verdict is CheckVerdict.OK or found.fix == "paths: ['db/migrations/**', …]"


@pytest.mark.parametrize("text", ["on: [push\njobs: {", "- 1", "jobs: 3", "\x00"])
def test_a_file_that_cannot_be_read_is_unknown_for_every_check(tmp_path: Path, text: str) -> None:
    found = all_of(checks(tmp_path, text))
    assert {each.verdict for each in found} <= {CheckVerdict.UNKNOWN, CheckVerdict.NOTE}
    assert {each.check for each in found if each.verdict is CheckVerdict.UNKNOWN} == {each.check for each in found}


def test_without_a_workflow_nothing_is_green(tmp_path: Path) -> None:
    assert {each.verdict for each in all_of(WorkflowChecks(tmp_path))} == {CheckVerdict.NOTE}
