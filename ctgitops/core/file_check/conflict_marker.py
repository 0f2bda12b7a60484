"""Finds the conflict markers that git writes into a file when a merge or rebase stops at a conflict."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...errors import Place
from ...lazy import regex
from ..problem import Problem

_BEGIN, _BASE, _MIDDLE, _END = (regex(rf"{re.escape(sign)}{{7}}( .*)?") for sign in "<|=>")


def is_marker(line: str) -> bool:
    """Whether a line looks like a conflict marker."""
    return any(pattern.fullmatch(line) for pattern in (_BEGIN, _BASE, _MIDDLE, _END))


def marker_problem(line: str, place: Place) -> Problem:
    """The problem with a file that contains a conflict marker."""
    what = f"`{line[:60].strip()}` is a git conflict marker: a merge or rebase was not completed"
    return Problem("conflict-marker", what, place, "resolve the conflict, and delete the markers")


def conflict_in(text: str, path: str) -> Problem | None:
    """The first conflict in a file. None if there is none.

    A string in SQL can look like one of these lines. So a conflict requires a start, a middle and an end.
    """
    if "<<<<<<<" not in text and ">>>>>>>" not in text:
        return None
    lines = text.split("\n")
    at = _whole(lines)
    if at is None and not path.endswith(".sql"):
        at = next((n for n, line in enumerate(lines) if _BEGIN.fullmatch(line) or _END.fullmatch(line)), None)
    return None if at is None else marker_problem(lines[at], Place(path, at + 1, 1))


def _whole(lines: Sequence[str]) -> int | None:
    begin = stage = 0
    for n, line in enumerate(lines):
        if _BEGIN.fullmatch(line):
            begin, stage = n, 1
        elif stage == 1 and _MIDDLE.fullmatch(line):
            stage = 2
        elif stage == 2 and _END.fullmatch(line):
            return begin
    return None
