"""Renders one problem for a terminal, with its place, its details and its fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.fix import Fix, Rename
from . import phrases
from .terminal_text import indented, on_one_line

if TYPE_CHECKING:
    from ..core.problem import Problem


def problem_lines(problem: Problem, tried: str = "") -> list[str]:
    """Formats one problem as an error is formatted: what, where, details, the trial's measurement, what to do."""
    word = "error" if problem.is_error else "warning"
    lines = [f"{word}[{problem.code}]: {on_one_line(problem.what)}"]
    if problem.place:
        lines.append(f"  --> {on_one_line(str(problem.place))}")
    if problem.detail:
        lines += indented(problem.detail, 6)
    if tried:
        lines.append(f"  measured: {on_one_line(tried)}")
    if problem.hint:
        lines.append(f"  help: {on_one_line(problem.hint)}")
    return [*lines, *_fix_lines(problem.fix)] if problem.fix else lines


def _fix_lines(fix: Fix) -> list[str]:
    if isinstance(fix, Rename):
        return [f"  fix: {on_one_line(phrases.fix(fix))}"]
    return [f"  fix: {on_one_line(phrases.fix(fix))}", *indented(phrases.instead(fix), 6)]
