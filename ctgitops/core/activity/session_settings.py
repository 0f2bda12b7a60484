"""The effective settings of the migration session, and the role and database defaults that apply to it. Pure."""

from __future__ import annotations

from ...lazy import dataclass


@dataclass(frozen=True)
class RoleDefault:
    """A default that ALTER ROLE or ALTER DATABASE sets for the migration session."""

    whose: str
    """The level of the default: `role app`, `database shop`, `role app in database shop`, `every session`."""
    name: str
    value: str


@dataclass(frozen=True)
class SessionSettings:
    """The effective settings of the migration session, by name and in SHOW's format, and the defaults for them."""

    values: tuple[tuple[str, str], ...]
    standing: tuple[RoleDefault, ...] = ()

    @property
    def text(self) -> tuple[str, ...]:
        """One line for the effective settings, and one line per default. ctgitops may override a default."""
        holding = ", ".join(f"{name} {value or 'empty'}" for name, value in self.values)
        return (holding, *(self._text(each) for each in self.standing))

    def _text(self, standing: RoleDefault) -> str:
        holds = dict(self.values).get(standing.name, "")
        then = "which applies" if holds == standing.value else "which ctgitops overrides"
        return f"{standing.whose} sets {standing.name} {standing.value or 'empty'}, {then}"
