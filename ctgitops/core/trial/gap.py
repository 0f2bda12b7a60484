"""Gaps of a trial: the parts of a migration that did not run, why, and what makes them triable. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import Place

NO_ROWS = "the copy has the schema but no rows"
NO_EXTENSION = "the shadow does not have that extension"
LIMITS = "the shadow's limits were reached"
OWN_NAME = "use a sandbox that ctgitops starts (no `shadow.url`), which has the real database's name"
_REMEDIES = {
    NO_ROWS: "write it so that it also runs on empty tables",
    NO_EXTENSION: "name a server that has it, in `shadow.image` or `shadow.url`",
    LIMITS: "divide it into several migrations, or name a larger server in `shadow.url`",
}


@dataclass(frozen=True)
class Stop:
    """Where and why the trial stopped before its end, and what makes the rest triable."""

    why: str
    remedy: str = ""
    place: Place | None = None
    """The statement that stopped it; None if nothing ran."""


@dataclass(frozen=True)
class Gap:
    """A part of a migration that the trial did not run, so that nothing is known about it."""

    why: str
    remedy: str = ""
    line: int | None = None
    """The line of the first statement that did not run; None if none did."""
    only: bool = False
    """Whether it is only that statement; otherwise it is everything from there on."""

    @property
    def brief(self) -> str:
        """`not known from line 3 on`."""
        where = "" if self.line is None else f" at line {self.line}" if self.only else f" from line {self.line} on"
        return f"not known{where}"

    @property
    def told(self) -> str:
        """`not known from line 3 on, because …; to try it: …`."""
        return f"{self.brief}, because {self.why}{f'; to try it: {self.remedy}' if self.remedy else ''}"


def remedy_of(why: str) -> str:
    """What makes a statement triable that the trial stopped at, by the reason that `says_nothing` gives."""
    return _REMEDIES.get(why, "put it alone into the last migration of the plan, so that all others are tried")
