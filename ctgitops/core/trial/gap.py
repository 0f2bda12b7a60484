"""Gaps of a trial: the parts of a migration that the trial did not run, the reason, and the remedy. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...errors import Place

NO_ROWS = "the copy has the schema but no rows"
NO_EXTENSION = "the shadow does not have that extension"
LIMITS = "the shadow's limits were reached"
OWN_NAME = "use a sandbox that ctgitops starts (no `shadow.url`), which has the real database's name"
_LAST = "move the statement into a separate, last migration, so that the trial runs all other migrations"
_REMEDIES = {
    NO_ROWS: "write the statement so that it also runs on empty tables",
    NO_EXTENSION: "set `shadow.image` or `shadow.url` to a server that has the extension",
    LIMITS: "divide the migration into several, or set `shadow.url` to a larger server",
    "no role is a superuser": f"a sandbox runs nothing that needs a superuser: {_LAST}",
    "only to superusers": f"a sandbox runs nothing that needs a superuser: {_LAST}",
    "can create databases": f"a sandbox creates no other database: {_LAST}",
    "the privilege to set": f"set the parameter with ALTER ROLE or ALTER DATABASE outside of migrations, or {_LAST}",
    "does not have the role": (
        "set `shadow.postgres` to the major version of the database, so that the copy has its predefined roles"
    ),
    "it may be a secret": "read the parameter with `current_setting(name, true)`, and handle NULL",
    "security label": "name a server with that provider in `shadow.url`",
    "does not have the tablespace": f"a sandbox has no tablespace of its own: {_LAST}",
    "does not have the database": f"a sandbox has no other database: {_LAST}",
    "could not be copied": (
        "the line `not matched` of the plan shows what the copy lacks, such as an extension: add it to `shadow`"
    ),
}
"""Maps a part of the reason to the change that allows the trial to run the statement."""


@dataclass(frozen=True)
class Stop:
    """Where and why the trial stopped early, and the change that allows the trial to run to the end."""

    why: str
    remedy: str = ""
    place: Place | None = None
    """The statement at which the trial stopped. None if no statement ran."""


@dataclass(frozen=True)
class Gap:
    """A part of a migration that the trial did not run. The effects of that part are unknown."""

    why: str
    remedy: str = ""
    line: int | None = None
    """The line of the first statement that did not run. None if no statement ran."""
    only: bool = False
    """Whether the trial skipped only this statement. If not, the trial ran no later statement either."""

    @property
    def brief(self) -> str:
        """Text such as `not known from line 3 on`."""
        where = "" if self.line is None else f" at line {self.line}" if self.only else f" from line {self.line} on"
        return f"not known{where}"

    @property
    def text(self) -> str:
        """Text such as `not known from line 3 on, because …; to try it: …`."""
        return f"{self.brief}, because {self.why}{f'; to try it: {self.remedy}' if self.remedy else ''}"


def remedy_of(why: str) -> str:
    """The change that allows the trial to run the statement at which it stopped. `why` is from `why_inconclusive`."""
    return next((remedy for part, remedy in _REMEDIES.items() if part in why), _LAST)
