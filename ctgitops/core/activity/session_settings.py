"""The effective settings of the session that runs migrations, and the role and database defaults for it. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RoleDefault:
    """What ALTER ROLE or ALTER DATABASE sets for sessions like ours."""

    whose: str
    """`role app`, `database shop`, `role app in database shop`, `every session`."""
    name: str
    value: str


@dataclass(frozen=True)
class SessionSettings:
    """By name, the values that hold, as the server shows them; and those that stand for such a session."""

    values: tuple[tuple[str, str], ...]
    standing: tuple[RoleDefault, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """A line of what holds, and one for each setting of a role or database: it holds, or ours does."""
        holding = ", ".join(f"{name} {value or 'empty'}" for name, value in self.values)
        return (holding, *(self._told(each) for each in self.standing))

    def _told(self, standing: RoleDefault) -> str:
        holds = dict(self.values).get(standing.name, "")
        then = "which holds" if holds == standing.value else "which does not hold: the run sets its own"
        return f"{standing.whose} has {standing.name} {standing.value or 'empty'}, {then}"
