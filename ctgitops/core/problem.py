"""A problem, as data instead of an exception, so that one run can report all problems."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ..errors import Place
from .fix import Fix

NOT_ANALYSED = "not-analysed"
"""The code of a problem, and of a lint finding, about a statement that an analysis failed on."""


class Concern(StrEnum):
    """Whose side is wrong, which decides the exit status."""

    WORKSPACE = "workspace"
    LEDGER = "ledger"
    LINT = "lint"
    """A finding: nobody is wrong, but somebody may regret it."""


@dataclass(frozen=True)
class Problem:
    """Something that is not as it must be. `blocks` tells whether a plan with it can be applied."""

    code: str
    what: str
    place: Place | None = None
    hint: str = ""
    detail: str = ""
    """More of it, several lines: a diff, a list."""
    blocks: bool = True
    concern: Concern = Concern.WORKSPACE
    fix: Fix | None = None
    """What solves it, where there is one answer; the hint says it in words."""
    fails: bool = False
    """Whether a look at it is a failure though it blocks nothing: a finding of severity `error`."""

    @property
    def is_error(self) -> bool:
        """Whether pages call it an error, not a warning."""
        return self.blocks or self.fails


def statements_not_analysed(problems: Iterable[Problem]) -> int:
    """How many statements an analysis failed on, for the line that sums up a page."""
    return len({problem.place for problem in problems if problem.code == NOT_ANALYSED})
