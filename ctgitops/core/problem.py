"""A problem is data and not an exception. One run can therefore report all problems."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

from ..errors import Place
from ..lazy import dataclass

if TYPE_CHECKING:
    from .fix import Fix

NOT_ANALYSED = "not-analysed"
"""The code of a problem or lint finding that reports a statement whose analysis failed."""


class Concern(StrEnum):
    """The area that a problem belongs to. The area decides the exit status."""

    WORKSPACE = "workspace"
    LEDGER = "ledger"
    ADDRESS = "address"
    """The address of the database: apply would refuse to change the database at this address."""
    LINT = "lint"
    """A lint finding: the SQL is valid, but risky."""

    @property
    def exit_status(self) -> int:
        """The exit status of a plan that a problem of this area blocks."""
        return {Concern.ADDRESS: 2, Concern.LEDGER: 4}.get(self, 3)


@dataclass(frozen=True)
class Problem:
    """A violated requirement. If `blocks` is true, a plan with this problem cannot be applied."""

    code: str
    what: str
    place: Place | None = None
    hint: str = ""
    detail: str = ""
    """Details on several lines, such as a diff or a list."""
    blocks: bool = True
    concern: Concern = Concern.WORKSPACE
    fix: Fix | None = None
    """The fix, if there is exactly one. The hint describes the fix in words."""
    brief: str = ""
    """The problem in a few words for the first line of a page. Empty if the first line does not mention the problem."""
    on_github: str = ""
    """The hint for readers on GitHub, who have no checkout. Empty if `hint` is also true for them."""
    fails: bool = False
    """Whether the problem makes `plan` and `check` fail without blocking: a lint finding of severity `error`."""

    @property
    def is_error(self) -> bool:
        """Whether pages show the problem as an error. Otherwise, pages show a warning."""
        return self.blocks or self.fails

    @property
    def is_error_finding(self) -> bool:
        """Whether the problem is a lint finding of severity `error`. No page then proposes to apply the plan."""
        return self.fails and not self.blocks and self.concern is Concern.LINT

    @property
    def position(self) -> tuple[bool, str, int, int]:
        """The key for sorting by file, line and column. Problems without a place come last."""
        place = self.place or Place("")
        return (self.place is None, place.path, place.line or 0, place.column or 0)


def statements_not_analysed(problems: Iterable[Problem]) -> int:
    """The number of statements whose analysis failed, for the summary line of a page."""
    return len({problem.place for problem in problems if problem.code == NOT_ANALYSED})
