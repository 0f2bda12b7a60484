"""Gaps of a trial: the parts of a migration that it did not run, the reason, and the remedy. Pure."""

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
    """Where and why the trial stopped before the end, and a change that lets it run the rest."""

    why: str
    remedy: str = ""
    place: Place | None = None
    """The statement at which it stopped; None if nothing ran."""


@dataclass(frozen=True)
class Gap:
    """A part of a migration that the trial did not run, so its effects are unknown."""

    why: str
    remedy: str = ""
    line: int | None = None
    """The line of the first statement that did not run; None if no statement ran."""
    only: bool = False
    """Whether only that statement did not run; otherwise nothing from there on ran."""

    @property
    def brief(self) -> str:
        """The gap in short form: `not known from line 3 on`."""
        where = "" if self.line is None else f" at line {self.line}" if self.only else f" from line {self.line} on"
        return f"not known{where}"

    @property
    def text(self) -> str:
        """The gap with its reason and remedy: `not known from line 3 on, because …; to try it: …`."""
        return f"{self.brief}, because {self.why}{f'; to try it: {self.remedy}' if self.remedy else ''}"


def remedy_of(why: str) -> str:
    """A change that lets the trial run the statement at which it stopped; `why` is a reason from `why_inconclusive`."""
    return _REMEDIES.get(why, "move the statement into a last migration of its own: then everything before it is tried")
