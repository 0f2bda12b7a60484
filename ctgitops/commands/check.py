"""Check: everything about the files that needs no database to see."""

from __future__ import annotations

from ..core.problem import Problem
from ..core.workspace import Workspace, problems_of, sql_problems_of


def check(workspace: Workspace) -> tuple[Problem, ...]:
    """All that is wrong with the files, each told once, by file and line. Read-only, asks nobody."""
    found = dict.fromkeys((*problems_of(workspace), *sql_problems_of(workspace)))
    return tuple(sorted(found, key=_position))


def exit_status(problems: tuple[Problem, ...]) -> int:
    """0 sound · 3 at least one problem that blocks."""
    return 3 if any(problem.blocks for problem in problems) else 0


def _position(problem: Problem) -> tuple[bool, str, int, int]:
    place = problem.place
    if place is None:
        return (True, "", 0, 0)
    return (False, place.path, place.line or 0, place.column or 0)
