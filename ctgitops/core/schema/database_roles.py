"""The roles that ctgitops needs in a database: their names, and facts about the server."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Provider(StrEnum):
    """The operator of the server. The operator decides which role can create roles, and with which attributes."""

    PLAIN = "plain"
    RDS = "rds"
    CLOUD_SQL = "cloudsql"
    AZURE = "azure"
    SUPABASE = "supabase"
    NEON = "neon"


SIGNS = {
    "rds_superuser": Provider.RDS,
    "cloudsqlsuperuser": Provider.CLOUD_SQL,
    "azure_pg_admin": Provider.AZURE,
    "supabase_admin": Provider.SUPABASE,
    "neon_superuser": Provider.NEON,
}
"""Roles that exist only on the servers of one provider."""
_SERVICE_PREFIXES = (
    "pg_",
    "rds",
    "cloudsql",
    "azure",
    "supabase",
    "neon_",
    "cloud_admin",
    "dashboard_user",
    "pgbouncer",
)


@dataclass(frozen=True)
class Owner:
    """A role that owns objects of the database. Objects that belong to an extension do not count."""

    name: str
    objects: int
    superuser: bool = False

    @property
    def has_members(self) -> bool:
        """Whether other roles may become members of this role. False for a superuser and for a role of the provider."""
        return not (self.superuser or self.name.startswith(_SERVICE_PREFIXES))


@dataclass(frozen=True)
class DatabaseRoles:
    """The facts about a database that decide how to create its roles."""

    database: str
    owners: tuple[Owner, ...] = ()
    ledger_owner: str = ""
    """The owner of the ledger. Empty without a ledger, or if nothing was read."""
    sign: str | None = None
    """The role that identifies the provider. Empty without such a role. None if nothing was read."""

    @property
    def provider(self) -> Provider:
        """The provider, detected from the roles of the server."""
        return SIGNS.get(self.sign or "", Provider.PLAIN)


@dataclass(frozen=True)
class RoleNames:
    """The names of the roles to create."""

    apply: str
    plan: str
    backup: str
    owner: str = ""
    """The manifest's `database.role`, which runs migrations. Empty if `apply` runs migrations."""

    @property
    def owns(self) -> str:
        """The role that owns new objects. This role needs the privileges to create the objects."""
        return self.owner or self.apply


def names_for(
    facts: DatabaseRoles, owner: str, *, apply: str | None = None, plan: str | None = None, backup: str | None = None
) -> RoleNames:
    """The requested names, or the defaults.

    By default, `apply` is the ledger's owner, and the other names contain the database's name. `owner` is the
    manifest's `database.role`.
    """
    superusers = {each.name for each in facts.owners if each.superuser}
    known = facts.ledger_owner if facts.ledger_owner not in {"", owner, *superusers} else ""
    return RoleNames(
        apply or known or f"{facts.database}_migrator",
        plan or f"{facts.database}_reader",
        backup or f"{facts.database}_backup",
        owner,
    )
