"""Describes a real database. The description suffices to create a copy in which the same SQL has the same effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

SERVICES = frozenset({
    "rdsadmin", "cloudsqladmin", "alloydbadmin", "azuresu", "supabase_admin", "cloud_admin", "neon_superuser",
    "avnadmin", "doadmin", "tsdbadmin",
})  # fmt: skip
"""Roles that exist only on managed services. On these services, customers may do some things that need a superuser."""


@dataclass(frozen=True)
class Membership:
    """A role's membership in `group`, with the options of PostgreSQL 16. Earlier versions have only ADMIN."""

    group: str
    admin: bool = False
    inherits: bool | None = None
    """The INHERIT option. None if the INHERIT attribute of the member decides, as before PostgreSQL 16."""
    sets: bool = True
    """The SET option. It allows the member to SET ROLE to the group."""
    grantor: str = ""

    @property
    def administers_only(self) -> bool:
        """Whether PostgreSQL 16 or later granted this membership to the creator of the role, who has CREATEROLE."""
        return self.admin and self.inherits is False and not self.sets


@dataclass(frozen=True)
class Role:
    """A role of the real server, without its password. The sandbox does not copy all of its attributes."""

    name: str
    superuser: bool = False
    creates_roles: bool = False
    inherits: bool = True
    bypasses_row_security: bool = False
    member_of: tuple[Membership, ...] = ()
    creates_databases: bool = False


@dataclass(frozen=True)
class Locale:
    """The collation and character classification of a database."""

    provider: str = "c"
    """The locale provider: `c` is libc, `i` is ICU, `b` is builtin."""
    collate: str = "C"
    ctype: str = "C"
    icu: str = ""
    encoding: str = "UTF8"


@dataclass(frozen=True)
class SourceDatabase:
    """The description of a real database. To make it, ctgitops takes no lock and reads no row of a table."""

    role: str
    """The role that applies migrations. The trial runs as this role."""
    major: int | None = None
    """The server's major version. None means the newest available version."""
    schema: str = field(default="", repr=False)
    """The output of `pg_dump -s`. Empty for an empty database."""
    roles: tuple[Role, ...] = ()
    owner: str = ""
    """The owner of the database."""
    creates: bool = True
    """Whether `role` may create schemas in the database."""
    settings: tuple[tuple[str, str, str], ...] = ()
    """The settings that change the meaning of SQL: role (empty for the whole database), parameter and value."""
    extensions: Mapping[str, str] = field(default_factory=dict)
    locale: Locale = field(default_factory=Locale)

    cluster: frozenset[str] = frozenset()
    """Values that identify the cluster."""
    database: str = ""
    """The name of the database. Empty if unknown."""
    databases: frozenset[str] = frozenset()
    """The names of all databases on the server."""
    tablespaces: frozenset[str] = frozenset()
    """The names of all tablespaces on the server. A sandbox has only the predefined tablespaces."""
    grants: tuple[tuple[str, str, bool], ...] = ()
    """The privileges on the database: grantee (empty for PUBLIC), privilege, and whether it has GRANT OPTION."""
    predefined: frozenset[str] = frozenset()
    """The roles of the server whose names begin with `pg_`."""
    narrow_createrole: bool = True
    """Whether a role with CREATEROLE has rights only on the roles that it created. True since PostgreSQL 16."""
    settable: frozenset[str] = frozenset()
    """The parameters on which a privilege was granted. A sandbox does not copy such privileges."""
    withheld: frozenset[str] = frozenset()
    """The names of the parameters that are set for the role or database and whose values are not read."""
    populated: tuple[str, ...] = ()
    """The populated materialized views, with quoted names. In an empty copy, these views are populated too."""
    connected_as: str = ""
    """The role that read this description. It may have fewer privileges than `role`."""
    assumed: bool = False
    """Whether neither the database nor the manifest names `role`. `role` is then the owner of the database."""

    @property
    def superuser(self) -> bool:
        """Whether the role that applies migrations is a superuser. In a sandbox, no role is a superuser."""
        return any(role.superuser for role in self.roles if role.name == self.role)

    @property
    def other_role(self) -> str:
        """The role that applies migrations, if another role read the description. Otherwise empty."""
        return self.role if self.connected_as not in {"", self.role} else ""

    @property
    def unsure(self) -> tuple[str, ...]:
        """The unknown facts about the role that applies migrations, as text."""
        if not (self.assumed and self.other_role):
            return ()
        why = "before the first apply, nothing in the database names the role that applies"
        owner = f"the trial ran as the owner of the database, {self.role}"
        return (f"{why}: {owner}; `database.role` in the manifest can name it",)

    @cached_property
    def can_become(self) -> tuple[str, ...]:
        """The superusers to which the role can SET ROLE, directly or through other roles."""
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
        """The role that shows that the server belongs to a managed service. Empty without such a role."""
        return next((role.name for role in self.roles if role.name in SERVICES), "")

    @property
    def all_powerful(self) -> str:
        """Why the role's rights are unrestricted, as a clause of a sentence. Empty if the rights are restricted."""
        if self.superuser:
            return f"{self.role} is a superuser in the real database"
        return (
            f"{self.role} can become the superuser {self.can_become[0]} in the real database" if self.can_become else ""
        )
