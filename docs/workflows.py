"""The workflows of this repository that run its own Action, from the templates of `ctgitops init`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ctgitops.files.first_workflows import ALWAYS, DRILL, FOLDER, FORK, WorkflowOrder, WorkflowStyle, workflow_file
from ctgitops.files.manifest import read_environments
from ctgitops.files.policy import read_policy
from ctgitops.files.repository import Repository

from .parts import ROOT

OWN = WorkflowStyle(action="./", package="'.[embedded]'", prefix="", unmerged_permissions="permissions: {}")
"""This repository uses the Action and the package of the same commit. Its checkout needs no permission."""


def files() -> dict[str, Callable[[], str]]:
    """The functions that render each workflow, by its path."""
    return {f"{FOLDER}/{name}.yml": partial(_workflow, name) for name in (*ALWAYS, DRILL, FORK)}


def _workflow(name: str) -> str:
    repository = Repository(ROOT)
    order = WorkflowOrder(read_environments(repository)[0], read_policy(repository)[0], style=OWN, tests=True)
    return workflow_file(order, name).text
