"""Description of a real database, detailed enough that the same SQL has the same effect in a throw-away copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Role:
    """A role of the real server, without its password; what it may do on a server of our own is decided there."""

    name: str
    superuser: bool = False
    creates_roles: bool = False
    inherits: bool = True
    bypasses_row_security: bool = False
    member_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Locale:
    """How a database sorts and what it takes for a letter."""

    provider: str = "c"
    """`c` libc, `i` ICU, `b` PostgreSQL's own."""
    collate: str = "C"
    ctype: str = "C"
    icu: str = ""
    encoding: str = "UTF8"


@dataclass(frozen=True)
class Original:
    """A real database as it can be told from outside: read without a lock, and holding no row of any table."""

    role: str
    """Who applies migrations there."""
    major: int | None = None
    """Of its server; None takes the newest there is."""
    schema: str = field(default="", repr=False)
    """What `pg_dump -s` wrote; empty: an empty database."""
    roles: tuple[Role, ...] = ()
    owner: str = ""
    """Of the database."""
    creates: bool = True
    """Whether that role may make schemas in it."""
    settings: tuple[tuple[str, str, str], ...] = ()
    """Role or empty for the database, parameter, value: those that change what SQL means."""
    extensions: Mapping[str, str] = field(default_factory=dict)
    locale: Locale = field(default_factory=Locale)

    cluster: frozenset[str] = frozenset()
    """What tells its server from all others."""

    @property
    def superuser(self) -> bool:
        """Whether who applies migrations there may do everything, which nobody may in a shadow."""
        return any(role.superuser for role in self.roles if role.name == self.role)
