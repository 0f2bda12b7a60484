"""A lint finding: a statement that PostgreSQL accepts but that is risky, with its severity."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ...errors import Place
from ..fix import Fix
from ..problem import Concern, Problem


class Severity(StrEnum):
    """The severity of a finding."""

    ERROR = "error"
    """`plan` fails with exit status 1."""
    WARNING = "warning"
    NOTICE = "notice"
    """Worth knowing; no page counts it as a warning."""
    OFF = "off"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return tuple(Severity).index(self)


@dataclass(frozen=True)
class Finding:
    """One statement that violates a lint rule."""

    rule: str
    severity: Severity
    what: str
    place: Place
    why: str = ""
    instead: str = ""
    """The advice, as text."""
    lock: str = ""
    """The strongest lock that it takes on an existing relation, as PostgreSQL's documentation writes it."""
    blocks_writes: bool = False
    """Whether it holds a lock that blocks writes while it does work that grows with the table."""
    last_line: int | None = None
    """The last line of its statement."""
    fix: Fix | None = None

    @property
    def problem(self) -> Problem:
        """The finding as a problem, for pages; it never blocks a plan."""
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
