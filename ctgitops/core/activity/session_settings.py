"""The effective settings of the session that runs migrations, and the role and database defaults for it. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RoleDefault:
    """A setting that ALTER ROLE or ALTER DATABASE makes for sessions like the migration session."""

    whose: str
    """Where it is set: `role app`, `database shop`, `role app in database shop`, `every session`."""
    name: str
    value: str


@dataclass(frozen=True)
class SessionSettings:
    """The effective settings of the session, by name, as the server shows them; and the role and database defaults."""

    values: tuple[tuple[str, str], ...]
    standing: tuple[RoleDefault, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """A line for the effective settings, and one for each default: it applies, or ctgitops overrides it."""
        holding = ", ".join(f"{name} {value or 'empty'}" for name, value in self.values)
        return (holding, *(self._told(each) for each in self.standing))

    def _told(self, standing: RoleDefault) -> str:
        holds = dict(self.values).get(standing.name, "")
        then = "which applies" if holds == standing.value else "which ctgitops overrides"
        return f"{standing.whose} sets {standing.name} {standing.value or 'empty'}, {then}"
