"""The workflows that `ctgitops init` writes, and what remains to be set up on GitHub."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from ..core.doctor.setup_step import SetupStep
from ..core.environment.environment import Environment
from ..errors import ForgeError
from ..files.first_workflows import ALWAYS, DRILL, FOLDER, FORK, WorkflowOrder, with_pins_of, workflow_file
from ..files.git import default_branch, github_repository, top_of
from ..files.policy import read_policy
from ..files.repository import Repository
from ..files.scaffold import NewFile
from ..files.workflow_checks import WorkflowChecks
from ..github.repository_checks import HOW_TO_SIGN_IN, RepositoryChecks
from ..report.github_setup import setup_text
from ..wiring.examinations import checks_on_github

DOCS = "https://github.com/constructtrack/ctgitops/blob/main/docs"


@dataclass(frozen=True)
class WorkflowSetup:
    """The workflows of a workspace, and the text about their setup on GitHub."""

    top: Path
    """The top of the repository, from which the paths of the files begin."""
    files: tuple[NewFile, ...]
    text: str
    others: tuple[str, ...] = ()
    """Other workflow files that already run the Action for this workspace, such as copies with other names."""


def wants_workflows(root: Path) -> bool:
    """Whether the repository is on GitHub: by its remote `origin`, or because it has a folder .github."""
    server = os.environ.get("GITHUB_SERVER_URL") or "https://github.com"
    return bool(github_repository(root, server)) or (top_of(root) / ".github").is_dir()


def workflow_setup(root: Path, environments: tuple[Environment, ...], *, forks: bool | None) -> WorkflowSetup:
    """The workflows for these environments. Asks GitHub if a token is set. Writes nothing."""
    top = top_of(root)
    checks, about, why = _asked_github(root)
    branch, public = about or (default_branch(root), False)
    folder = root.resolve().relative_to(top.resolve()).as_posix()
    policy = read_policy(Repository(root))[0]
    order = WorkflowOrder(environments, policy, "" if folder == "." else folder, branch)
    fork = workflow_file(order, FORK)
    names = [*ALWAYS, *([DRILL] if order.stores_backups else [])]
    files = [workflow_file(order, name) for name in names]
    if (public or (top / fork.path).exists()) if forks is None else forks:
        files.append(fork)
    steps = [*_of_backups(order), SetupStep(f"merge the workflows into {branch}", _MERGE, done=False)]
    try:
        steps = [*replace(checks, branch=branch).setup(order.deployed, order.github_environments), *steps]
    except ForgeError as error:
        why, offline = error.what, replace(checks, access=replace(checks.access, token=""), branch=branch)
        steps = [*offline.setup(order.deployed, order.github_environments), *steps]
    own = {workflow_file(order, name).path for name in (*ALWAYS, DRILL, FORK)}
    others = tuple(path for path in WorkflowChecks(top, root=folder).of_workspace() if path not in own)
    return WorkflowSetup(top, tuple(_pinned(top, file) for file in files), setup_text(steps, why), others)


_MERGE = "GitHub starts scheduled runs, releases and comments only from the default branch"


def _asked_github(root: Path) -> tuple[RepositoryChecks, tuple[str, bool] | None, str]:
    """The repository on GitHub, its default branch and whether it is public, and why these are unknown."""
    checks = checks_on_github(root, os.environ)
    if not checks.access.repository:
        checks = replace(checks, access=replace(checks.access, token="", repository="OWNER/NAME"))
        return checks, None, f"the remote `origin` is not on GitHub: {HOW_TO_SIGN_IN}"
    try:
        about = checks.about()
    except ForgeError as error:
        return replace(checks, access=replace(checks.access, token="")), None, error.what
    return checks, about, "" if about else 'GITHUB_TOKEN is not set: export GITHUB_TOKEN="$(gh auth token)"'


def _pinned(top: Path, file: NewFile) -> NewFile:
    path = top / file.path
    if not path.is_file():
        return file
    return replace(file, text=with_pins_of(file.text, path.read_text("utf-8", errors="replace")))


def _of_backups(order: WorkflowOrder) -> list[SetupStep]:
    """The steps that keep backups after a job on a hosted runner."""
    in_folders = [each for each in order.deployed if each.backup and each.backup.in_folder]
    steps = [
        SetupStep(
            f"backups of {each.name}: GitHub deletes the folder {each.backup.to} after each job on a hosted runner",
            f"in {each.path}, set `backup.to` to a bucket: {DOCS}/backups.md#on-github",
            done=False,
        )
        for each in in_folders
        if each.backup
    ]
    if order.stores_backups:
        files = " and ".join(f"{FOLDER}/{order.file(name)}" for name in ("deploy", DRILL))
        steps.append(SetupStep("credentials of the bucket for backups", f"use one of the steps in {files}"))
    return steps
