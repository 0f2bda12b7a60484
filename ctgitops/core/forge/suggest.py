"""Selects the fixes that GitHub can show as suggested changes: fixes of lines in the pull request's diff. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..fix import Lines
from .forge import ChangedFile, Suggestion

if TYPE_CHECKING:
    from ..problem import Problem

_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True)
class _Shown:
    """A line on the right side of the diff."""

    hunk: int
    text: str


def suggestions(problems: Iterable[Problem], files: tuple[ChangedFile, ...], folder: str) -> tuple[Suggestion, ...]:
    """The fixes for lines of files that a pull request adds. If two fixes overlap, only the first is returned.

    A fix that also needs a new file is omitted, because a suggestion cannot create a file. `ctgitops check --fix` can.
    A file that also exists on the base branch gets no suggestion, because its lines there may differ.
    """
    shown = {file.path: dict(_lines(file.patch)) for file in files if file.added}
    taken: set[tuple[str, int]] = set()
    made = []
    for problem in problems:
        if not isinstance(problem.fix, Lines) or (problem.fix.then and problem.fix.then.needed):
            continue
        path, numbers = f"{folder}{problem.fix.path}", range(problem.fix.first, problem.fix.last + 1)
        lines = [shown[path][number] for number in numbers if path in shown and number in shown[path]]
        whole = len(lines) == len(numbers) and len({line.hunk for line in lines}) == 1
        old = tuple(line.text for line in lines)
        if whole and old != problem.fix.instead and not taken & {(path, number) for number in numbers}:
            taken |= {(path, number) for number in numbers}
            made.append(Suggestion(path, numbers[0], numbers[-1], old, problem.fix.instead, problem.what, problem.hint))
    return tuple(made)


def _lines(patch: str) -> Iterator[tuple[int, _Shown]]:
    number, hunk = 0, 0
    for line in patch.split("\n"):
        if match := _HUNK.match(line):
            number, hunk = int(match[1]), hunk + 1
        elif hunk and line[:1] in {"+", " "}:
            yield number, _Shown(hunk, line[1:].removesuffix("\r"))
            number += 1
