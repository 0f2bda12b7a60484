"""Offline plans, which need no database connection. All files except the changed files count as applied. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from ..ledger.ledger import Entry, Ledger, Mark
from ..plan.plan import make_plan, worst_first
from ..problem import Problem
from .preview import Preview

if TYPE_CHECKING:
    from ..environment.environment import Environment
    from ..migration.migration import Migration
    from ..workspace.workspace import Workspace

_LATER = "the databases are read after the merge, or when a user with write access comments `/ctgitops plan`"
_MERGE = "if the database is not empty, merge its manifest first, without other changes"


def preview_of_files(workspace: Workspace, environment: Environment, changed: Collection[str], why: str) -> Preview:
    """The preview for an environment that has applied every file except those in `changed` (paths in the workspace)."""
    what = f"no database was read: {why}. This plan shows only what changed files add to the merged files"
    ledger = ledger_of_files(workspace, environment, changed)
    return _preview_with(workspace, environment, ledger, Problem("not-looked", what, hint=_LATER, blocks=False))


def ledger_of_files(workspace: Workspace, environment: Environment, changed: Collection[str]) -> Ledger:
    """The ledger of an environment that has applied every file except those in `changed`."""
    had = [m for m in workspace.migrations if not _paths(m) & set(changed)]
    ran = [s for s in workspace.seeds_of(environment) if s.name not in changed]
    seeds = [Entry(Mark.APPLIED, seed.name, checksum=seed.checksum) for seed in ran]
    return Ledger().with_entries(*(Entry.of_file(Mark.APPLIED, m) for m in had), *seeds)


def preview_of_new(workspace: Workspace, environment: Environment) -> Preview:
    """The preview for a new environment with an empty database. No connection to a database is made."""
    what = f"`{environment.name}` is a new environment, so its database was not read: the plan is for an empty database"
    return _preview_with(workspace, environment, Ledger(), Problem("not-looked", what, hint=_MERGE, blocks=False))


def _preview_with(workspace: Workspace, environment: Environment, ledger: Ledger, problem: Problem) -> Preview:
    plan = make_plan(workspace, environment, ledger)
    return Preview(environment, replace(plan, problems=worst_first((*plan.problems, problem))))


def _paths(migration: Migration) -> set[str]:
    return {script.path for script in (migration.up, migration.down, migration.verify) if script}
