"""The command `check`. Validates and lints the files, without a database."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING

from ..core.migration.squash import squash_problems
from ..core.workspace.breaking_change import breaking_problems
from ..core.workspace.finding import Finding, Severity
from ..core.workspace.removal import Removals, removal_problems
from ..core.workspace.workspace import Workspace, problems_of, sql_problems_of
from ..lint.file_selection import lint_files

if TYPE_CHECKING:
    from ..core.problem import Problem


def check(workspace: Workspace, removals: Removals | None = None, merged: Collection[str] = ()) -> tuple[Problem, ...]:
    """Returns all problems of the files without duplicates, ordered by file and line. Read-only.

    `removals` and `merged` come from git. `merged` contains the files that the base branch also has.
    """
    removed = removal_problems(removals or Removals(), workspace.migrations, workspace.policy)
    found = breaking_problems(workspace.migrations, merged=merged)
    contradicted = (problem for problem in found if _path(problem) not in workspace.history)
    squashed = squash_problems(workspace.squashes, workspace.migrations)
    every = dict.fromkeys((*problems_of(workspace), *sql_problems_of(workspace), *contradicted, *removed, *squashed))
    return tuple(sorted(every, key=lambda problem: problem.position))


def _path(problem: Problem) -> str:
    return problem.place.path if problem.place else ""


def lint(workspace: Workspace, today: date, only: Collection[str] | None = None) -> tuple[Finding, ...]:
    """Lints all migrations, or those in `only`. Read-only. Needs no database."""
    return lint_files(workspace, today, only)


def exit_status(problems: tuple[Problem, ...], findings: tuple[Finding, ...] = ()) -> int:
    """The exit status. 3 or more for a blocking problem, 1 for a severe finding or an unanalysed statement."""
    if any(problem.blocks for problem in problems):
        return 3
    return int(
        any(problem.fails for problem in problems) or any(finding.severity is Severity.ERROR for finding in findings)
    )
