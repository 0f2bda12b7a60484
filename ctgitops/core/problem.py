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
    """The side that a problem is on, which decides the exit status."""

    WORKSPACE = "workspace"
    LEDGER = "ledger"
    LINT = "lint"
    """A lint finding: valid, but risky."""


@dataclass(frozen=True)
class Problem:
    """Something that is not as required. `blocks` decides whether a plan with it can be applied."""

    code: str
    what: str
    place: Place | None = None
    hint: str = ""
    detail: str = ""
    """Details on several lines, such as a diff or a list."""
    blocks: bool = True
    concern: Concern = Concern.WORKSPACE
    fix: Fix | None = None
    """The fix, where there is exactly one; the hint describes it in words."""
    fails: bool = False
    """Whether it makes `plan` and `check` fail although it does not block: a finding of severity `error`."""

    @property
    def is_error(self) -> bool:
        """Whether pages show it as an error instead of a warning."""
        return self.blocks or self.fails

    @property
    def position(self) -> tuple[bool, str, int, int]:
        """The key for sorting by file, line and column; problems without a place are last."""
        place = self.place or Place("")
        return (self.place is None, place.path, place.line or 0, place.column or 0)


def statements_not_analysed(problems: Iterable[Problem]) -> int:
    """The number of statements that an analysis failed on, for the summary line of a page."""
    return len({problem.place for problem in problems if problem.code == NOT_ANALYSED})
