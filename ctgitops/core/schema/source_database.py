"""Description of a real database, detailed enough that the same SQL has the same effect in a throw-away copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

SERVICES = frozenset({
    "rdsadmin", "cloudsqladmin", "alloydbadmin", "azuresu", "supabase_admin", "cloud_admin", "neon_superuser",
    "avnadmin", "doadmin", "tsdbadmin",
})  # fmt: skip
"""Roles that identify a managed service, whose customers may do some of what PostgreSQL reserves to superusers."""


@dataclass(frozen=True)
class Membership:
    """A role's membership in `group`. The options are those of PostgreSQL 16; an older server has ADMIN alone."""

    group: str
    admin: bool = False
    inherits: bool | None = None
    """None: the member's own attribute decides, as before PostgreSQL 16."""
    sets: bool = True
    """Whether the member may SET ROLE to the group."""
    grantor: str = ""

    @property
    def administers_only(self) -> bool:
        """Whether it is the membership that CREATEROLE gives the creator of a role since PostgreSQL 16."""
        return self.admin and self.inherits is False and not self.sets


@dataclass(frozen=True)
class Role:
    """A role of the real server, without its password; the sandbox decides which of its attributes it keeps."""

    name: str
    superuser: bool = False
    creates_roles: bool = False
    inherits: bool = True
    bypasses_row_security: bool = False
    member_of: tuple[Membership, ...] = ()
    creates_databases: bool = False


@dataclass(frozen=True)
class Locale:
    """The sort order and character classification of a database."""

    provider: str = "c"
    """`c` libc, `i` ICU, `b` PostgreSQL's own."""
    collate: str = "C"
    ctype: str = "C"
    icu: str = ""
    encoding: str = "UTF8"


@dataclass(frozen=True)
class SourceDatabase:
    """A real database, described from outside: read without a lock, and without any row of a table."""

    role: str
    """The role that applies migrations there."""
    major: int | None = None
    """The server's major version; None: the newest that is available."""
    schema: str = field(default="", repr=False)
    """The output of `pg_dump -s`; empty for an empty database."""
    roles: tuple[Role, ...] = ()
    owner: str = ""
    """The owner of the database."""
    creates: bool = True
    """Whether that role may create schemas in it."""
    settings: tuple[tuple[str, str, str], ...] = ()
    """Role or empty for the database, parameter, value: those that change the meaning of SQL."""
    extensions: Mapping[str, str] = field(default_factory=dict)
    locale: Locale = field(default_factory=Locale)

    cluster: frozenset[str] = frozenset()
    """Values that identify its server."""
    database: str = ""
    """The name of the database; empty where it is not known."""
    databases: frozenset[str] = frozenset()
    """The names of all databases of its server."""
    grants: tuple[tuple[str, str, bool], ...] = ()
    """Privileges on the database: grantee or empty for PUBLIC, privilege, with grant option."""
    predefined: frozenset[str] = frozenset()
    """The roles of its server whose names begin with `pg_`."""
    narrow_createrole: bool = True
    """Whether CREATEROLE gives rights only on the roles that it created, as since PostgreSQL 16."""
    settable: frozenset[str] = frozenset()
    """Parameters on which privileges were granted there; a sandbox does not grant them."""
    withheld: frozenset[str] = frozenset()
    """Names of parameters that are set there for this role or database and whose values are not read."""

    @property
    def superuser(self) -> bool:
        """Whether the role that applies migrations is a superuser there; no role is one in a sandbox."""
        return any(role.superuser for role in self.roles if role.name == self.role)

    @cached_property
    def can_become(self) -> tuple[str, ...]:
        """The superusers that the role can SET ROLE to, directly or through other roles."""
        by_name = {role.name: role for role in self.roles}
        reached, left = {self.role}, [self.role]
        while left:
            role = by_name.get(left.pop())
            groups = {each.group for each in role.member_of if each.sets} if role else set()
            left += groups - reached
            reached |= groups
        return tuple(sorted(n for n in reached - {self.role} if n in by_name and by_name[n].superuser))

    @property
    def service(self) -> str:
        """The role that shows that its server belongs to a managed service; empty where it does not."""
        return next((role.name for role in self.roles if role.name in SERVICES), "")

    @property
    def all_powerful(self) -> str:
        """Why the role has unrestricted rights there, as a clause; empty where it has not."""
        if self.superuser:
            return f"{self.role} is a superuser in the real database"
        return (
            f"{self.role} can become the superuser {self.can_become[0]} in the real database" if self.can_become else ""
        )
