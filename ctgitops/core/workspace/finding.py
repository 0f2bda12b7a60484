"""A lint finding: a statement that PostgreSQL accepts but that is risky, and the finding's severity."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..problem import Concern, Problem

if TYPE_CHECKING:
    from ...errors import Place
    from ...sql.name_changes import ConflictTarget
    from ..fix import Fix


class Severity(StrEnum):
    """The severity of a finding."""

    ERROR = "error"
    """`plan` fails with exit status 1."""
    WARNING = "warning"
    NOTICE = "notice"
    """Information. No page counts it as a warning."""
    OFF = "off"

    @property
    def rank(self) -> int:
        """The position in the order of severity. 0 is the most severe."""
        return tuple(Severity).index(self)


@dataclass(frozen=True)
class Finding:
    """A statement that violates a lint rule."""

    rule: str
    severity: Severity
    what: str
    place: Place
    why: str = ""
    instead: str = ""
    """The advice on what to write instead."""
    lock: str = ""
    """The strongest lock that the statement takes on an existing relation, as PostgreSQL's documentation spells it."""
    blocks_writes: bool = False
    """Whether the statement blocks writes for a time that grows with the size of the table."""
    last_line: int | None = None
    """The last line of the statement."""
    fix: Fix | None = None
    conflict_target: ConflictTarget | None = None
    """The dropped unique constraint or index, which is then searched for in code. None if the statement drops none."""

    @property
    def problem(self) -> Problem:
        """The finding as a problem for pages. This problem never blocks a plan."""
        return Problem(
            self.rule,
            self.what,
            self.place,
            self.instead,
            blocks=False,
            concern=Concern.LINT,
            fix=self.fix,
            fails=self.severity is Severity.ERROR,
        )
