"""Renders the SQL that creates a database's roles: one that applies, one that plans, one that takes backups.

The SQL is idempotent, sets no password, and uses only documented features of PostgreSQL. Before 16, a role with
CREATEROLE may grant every role that is not a superuser. Since 16, the role needs ADMIN OPTION on the granted role.

Providers give their administrators different memberships. The SQL therefore avoids errors. A refused grant raises a
warning that names the missing privilege, or is replaced by grants on single objects. NOTES has the facts about
providers, from their documentation.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from ..core.schema.database_roles import DatabaseRoles, Owner, Provider, RoleNames
from ..lazy import dataclass
from ..sql.nodes import quoted_name


@dataclass(frozen=True)
class ProviderNote:
    """What a provider's documentation says about roles."""

    name: str
    run_as: str
    note: str
    source: str


NOTES = {
    Provider.PLAIN: ProviderNote(
        "PostgreSQL",
        "a superuser, or the owner of the database with CREATEROLE",
        "Only a superuser can give BYPASSRLS; since 16, also a role that has BYPASSRLS and CREATEROLE.",
        "https://www.postgresql.org/docs/current/predefined-roles.html",
    ),
    Provider.RDS: ProviderNote(
        "Amazon RDS and Aurora",
        "the master user, a member of rds_superuser with CREATEROLE",
        "There is no superuser.",
        "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.rds_superuser.html",
    ),
    Provider.CLOUD_SQL: ProviderNote(
        "Google Cloud SQL",
        "a member of cloudsqlsuperuser, such as postgres",
        "There is no superuser. A user without a password cannot log in.",
        "https://cloud.google.com/sql/docs/postgres/users",
    ),
    Provider.AZURE: ProviderNote(
        "Azure Database for PostgreSQL",
        "the server administrator, a member of azure_pg_admin",
        "There is no superuser. Before 16, no other role can have BYPASSRLS.",
        "https://learn.microsoft.com/azure/postgresql/flexible-server/security-access-control",
    ),
    Provider.SUPABASE: ProviderNote(
        "Supabase",
        "postgres",
        "There is no superuser. Roles of the service own the schemas auth and storage.",
        "https://supabase.com/docs/guides/database/postgres/roles-superuser",
    ),
    Provider.NEON: ProviderNote(
        "Neon",
        "a role that was created in the console, a member of neon_superuser",
        "Create the roles with this SQL: the console, the CLI and the API make each role a member of neon_superuser. "
        "A role that can log in needs a password in plain text, so these roles get LOGIN together with their password.",
        "https://neon.com/docs/manage/roles",
    ),
}
"""Maps each provider to a note from its documentation in November 2026."""
SECTIONS = ("apply", "plan", "backup")
ON_LEDGER = (
    "grant usage on schema ctgitops to {0}",
    "grant select on all tables in schema ctgitops to {0}",
    "grant insert on ctgitops.ledger, ctgitops.progress, ctgitops.home to {0}",
    "grant insert, update on ctgitops.lease to {0}",
    "grant execute on all functions in schema ctgitops to {0}",
)
NO_TRAFFIC = "(to_regclass('ctgitops.traffic') is null)"
"""True without a ledger, and for a ledger of a format before 4."""
_READABLE = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"


@dataclass(frozen=True)
class RoleScript:
    """The SQL for the roles of one database."""

    facts: DatabaseRoles
    names: RoleNames
    requested: Provider | None = None

    @property
    def provider(self) -> Provider:
        """The requested provider, or else the provider that the server's roles indicate."""
        return self.requested or self.facts.provider

    def section(self, which: str) -> str:
        """The SQL for one role: `apply`, `plan` or `backup`."""
        return "\n".join({"apply": self._apply, "plan": self._plan, "backup": self._backup}[which]())

    def text(self, sections: Iterable[str] = SECTIONS) -> str:
        """The whole script, with its assumptions as comments."""
        return "\n".join((*self._head(), *(f"\n{self.section(each)}" for each in sections), "", *self._foot(sections)))

    def _head(self) -> Iterator[str]:
        note = NOTES[self.provider]
        yield f"-- Roles of ctgitops for the database {_said(self.facts.database)}. Provider: {note.name}, {self._why}."
        yield f"-- Run this in that database as {note.run_as}:"
        yield '--   psql -v ON_ERROR_STOP=1 -f roles.sql "$ADMIN_URL"'
        yield "-- It can be run again at any time. A WARNING names a privilege that could not be granted."
        yield from _comment(note.note)

    @property
    def _why(self) -> str:
        if self.requested:
            return "as requested"
        if self.facts.sign is None:
            return "assumed, because the database was not read"
        if self.facts.sign:
            return f"because the role {self.facts.sign} exists"
        return "because no role indicates another provider"

    def _foot(self, sections: Iterable[str]) -> Iterator[str]:
        names = {"apply": self.names.apply, "plan": self.names.plan, "backup": self.names.backup}
        yield "-- This script sets no password. Give each role one, for example in psql:"
        for each in sections:
            name = quoted_name(names[each])
            neon = self.provider is Provider.NEON
            yield f"--   alter role {_said(name)} login password '...';" if neon else f"--   \\password {_said(name)}"

    def _apply(self) -> Iterator[str]:
        names, owns = self.names, quoted_name(self.names.owns)
        yield "-- The role that applies. It owns the ledger, and what migrations create."
        yield self._login(names.apply)
        if names.owner:
            yield _created(names.owner, "nologin")
            yield _or_warning(f"grant {owns} to {quoted_name(names.apply)}", f"{names.apply} cannot be {names.owner}")
        yield f"grant connect on database {quoted_name(self.facts.database)} to {quoted_name(names.apply)};"
        yield f"grant create on database {quoted_name(self.facts.database)} to {owns};"
        yield f"grant usage, create on schema public to {owns};"
        yield "-- For the preflight checks of other sessions:"
        yield _or_warning(f"grant pg_read_all_stats to {owns}", f"{names.owns} cannot read the statistics of others")
        for owner in self.facts.owners:
            if owner.name not in {names.owns, names.apply}:
                yield from self._of_owner(owner)
                if owner.name == self.facts.ledger_owner and not owner.has_members:
                    yield _or_warning(
                        "; ".join(ON_LEDGER).replace("{0}", owns), f"{names.owns} cannot write to the ledger"
                    )
                    yield _or_warning(
                        f"grant insert on ctgitops.performance, ctgitops.traffic to {owns}",
                        f"{names.owns} cannot store samples of the load",
                        unless=NO_TRAFFIC,
                    )

    def _of_owner(self, owner: Owner) -> Iterator[str]:
        owned = f"{owner.objects} object{'' if owner.objects == 1 else 's'}"
        if not owner.has_members:
            yield f"-- {_said(owner.name)} owns {owned}, which migrations cannot alter, unless their owner changes."
            return
        yield f"-- {_said(owner.name)} owns {owned}, which only its members can alter."
        member = f"grant {quoted_name(owner.name)} to {quoted_name(self.names.owns)}"
        yield _or_warning(member, f"migrations cannot alter what {owner.name} owns")

    def _plan(self) -> Iterator[str]:
        yield "-- The role that plans. It reads; it cannot apply."
        yield from self._reader(self.names.plan)
        yield "-- For the samples of `ctgitops traffic`. The first apply creates the table: run this again then."
        yield _or_warning(
            f"grant insert on ctgitops.traffic to {quoted_name(self.names.plan)}",
            f"{self.names.plan} cannot store samples of the load",
            unless=NO_TRAFFIC,
        )

    def _backup(self) -> Iterator[str]:
        role = self.names.backup
        yield "-- The role for `ctgitops backup`. It reads every row."
        yield from self._reader(role)
        bypass = f"alter role {quoted_name(role)} bypassrls"
        without = f"{role} has no BYPASSRLS, so a backup of a table with row-level security fails"
        yield _or_warning(bypass, without, unless=f"(select rolbypassrls {_of_role(role)})")

    def _reader(self, role: str) -> Iterator[str]:
        name = quoted_name(role)
        yield self._login(role)
        yield f"grant connect on database {quoted_name(self.facts.database)} to {name};"
        given = f"if not exists (select {_of_role(role)}"
        read_only = "    and 'default_transaction_read_only=on' = any(rolconfig)) then"
        yield _do(given, read_only, f"    alter role {name} set default_transaction_read_only = on;", "end if;")
        yield _reads_all(role)

    def _login(self, role: str) -> str:
        """Creates a role that can log in. Neon does not accept such a role without a password."""
        return _created(role, "nologin" if self.provider is Provider.NEON else "login")


def _created(role: str, attribute: str) -> str:
    create = f"    create role {quoted_name(role)} {attribute};"
    return _do(f"if not exists (select {_of_role(role)}) then", create, "end if;")


def _of_role(role: str) -> str:
    return f"from pg_roles where rolname = {_literal(role)}"


def _or_warning(statement: str, otherwise: str, unless: str = "") -> str:
    """The statement in a block that raises the warning `otherwise` instead of an error if a privilege is missing."""
    attempt = [f"if not {unless} then", f"    {statement};", "end if;"] if unless else [f"{statement};"]
    return _do(*attempt, handler=f"raise warning '%', {_literal(otherwise)};")


def _reads_all(role: str) -> str:
    """Grants pg_read_all_data, or if this fails, SELECT on all objects that the current role owns."""
    name, text = quoted_name(role), _literal(role)
    return _do(
        f"if pg_has_role({text}, 'pg_read_all_data', 'usage') then",
        "    return;",
        "end if;",
        "begin",
        f"    if not (select rolinherit {_of_role(role)}) then",
        f"        alter role {name} inherit;",
        "    end if;",
        f"    execute {_literal(f'grant pg_read_all_data to {name}')} || case",
        "        when current_setting('server_version_num')::int >= 160000 then ' with inherit true' else ''",
        "    end;",
        "    return;",
        "exception when insufficient_privilege then",
        "    raise warning '% may not grant pg_read_all_data, so it grants access only to its own objects: '",
        "        'run this again as the role that applies, after its first apply', current_user;",
        "end;",
        "for one in",
        f"    select format('usage on schema %I to %I', n.nspname, {text}) as privilege",
        "    from pg_namespace n",
        f"    where {_READABLE} and pg_has_role(n.nspowner, 'usage')",
        "    union all",
        "    select format('select on %s %I.%I to %I',",
        f"        case c.relkind when 'S' then 'sequence' else 'table' end, n.nspname, c.relname, {text})",
        "    from pg_class c join pg_namespace n on n.oid = c.relnamespace",
        f"    where {_READABLE} and pg_has_role(c.relowner, 'usage')",
        "        and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')",
        "loop",
        "    execute 'grant ' || one.privilege;",
        "end loop;",
        f"alter default privileges grant usage on schemas to {name};",
        f"alter default privileges grant select on tables to {name};",
        f"alter default privileges grant select on sequences to {name};",
        declare="one record;",
    )


def _do(*lines: str, declare: str = "", handler: str = "") -> str:
    """A DO statement. Its body never contains its quoting tag. `handler` runs if a privilege is missing."""
    body = "\n".join(f"    {line}" for line in lines)
    body += f"\nexception when insufficient_privilege then\n    {handler}" if handler else ""
    tag = "$roles$"
    while tag in body:
        tag = tag.replace("$roles", "$roles_")
    declared = f"declare\n    {declare}\n" if declare else ""
    return f"do {tag}\n{declared}begin\n{body}\nend\n{tag};"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _said(text: str) -> str:
    """A name without line breaks, for an SQL comment. A line break would end the comment."""
    return " ".join(text.split())


def _comment(text: str) -> list[str]:
    return [f"-- {line}" for line in textwrap.wrap(text, 115)]
