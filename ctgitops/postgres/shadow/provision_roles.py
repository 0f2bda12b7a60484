"""Creates the roles of a real server on a sandbox server, with attributes and memberships. None is a superuser."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from ...core.schema.source_database import Membership, Role, SourceDatabase

if TYPE_CHECKING:
    from ..connection.connect import Connection
    from ..server.server_choice import Server

REACHING = (
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_execute_server_program",
    "pg_create_subscription",
)
"""Predefined roles with access to files, programs or the network.

Before PostgreSQL 16, a role with CREATEROLE can grant itself membership in these roles.
"""
HARMLESS_ROLES = frozenset({"pg_read_all_data", "pg_write_all_data", "pg_maintain"})
HARMLESS_ALONE = HARMLESS_ROLES | {
    "pg_monitor", "pg_read_all_settings", "pg_read_all_stats", "pg_stat_scan_tables", "pg_checkpoint",
    "pg_signal_backend", "pg_signal_autovacuum_worker", "pg_use_reserved_connections",
}  # fmt: skip
"""Predefined roles that are harmless on a server without other databases."""
CONNECTIONS = 8
"""The connection limit of each role."""
OPTIONS_SINCE = 16
"""The first major version in which CREATEROLE needs ADMIN OPTION, and a membership has the options INHERIT and SET."""
MOST_NAMED = 20

Edge = tuple[str, Membership]
"""The name of a member, and its membership in a group."""


class RoleProvisioner:
    """Creates the roles of `original`. Calls `note` for each part that PostgreSQL or the sandbox refuses."""

    def __init__(
        self, connection: Connection, server: Server, original: SourceDatabase, note: Callable[[str], None]
    ) -> None:
        self._connection = connection
        self._server = server
        self._original = original
        self._note = note
        self._groups: dict[str, set[str]] = {}
        """Maps each created role to the groups of which it is a member."""
        self._predefined: set[str] = set()
        self._lost: list[str] = []

    def provision(self) -> None:
        """Creates all roles, then their memberships. Writes."""
        roles = roles_of(self._original)
        for role in roles:
            if said := self._tried(self._made(role), *self._server.after_create_role_sql(role.name)):
                self._note(f"role {role.name} cannot be created in the sandbox: {said}")
            else:
                self._groups[role.name] = set()
        query = "select rolname from pg_catalog.pg_roles where rolname ~ '^pg_'"
        self._predefined = {str(name) for (name,) in self._connection.execute(query).fetchall()} - self._groups.keys()
        self._join(edge for role in roles if role.name in self._groups for edge in self._allowed(role))
        self._approximate_superusers(roles)
        if self._lost:
            more = len(self._lost) - MOST_NAMED
            named = ", ".join(self._lost[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
            self._note(f"memberships that the sandbox does not have: {named}")

    def _made(self, role: Role) -> sql.Composed:
        ours = role.name == self._original.role
        options = [
            sql.SQL("nosuperuser nocreatedb noreplication connection limit {}").format(CONNECTIONS),
            sql.SQL("login" if ours else "nologin"),
            sql.SQL("inherit" if role.inherits else "noinherit"),
            sql.SQL("createrole" if self._creates_roles(role) else "nocreaterole"),
            sql.SQL("bypassrls" if role.bypasses_row_security or role.superuser else "nobypassrls"),
        ]
        return sql.SQL("create role {} {}").format(sql.Identifier(role.name), sql.SQL(" ").join(options))

    def _creates_roles(self, role: Role) -> bool:
        """Whether a role gets CREATEROLE. Before 16, it allows file access, so only a throw-away server grants it."""
        asked = role.creates_roles or role.superuser
        if asked and not self._server.ours and self._server.major < OPTIONS_SINCE:
            if role.name == self._original.role:
                self._note(f"{role.name} has no CREATEROLE in the sandbox")
            return False
        return asked

    def _allowed(self, role: Role) -> Iterator[Edge]:
        """The memberships of a role that are possible and safe on this server."""
        harmless = HARMLESS_ALONE if self._server.ours else HARMLESS_ROLES
        for each in role.member_of:
            membership = f"{role.name} in {each.group}"
            if each.group in REACHING or (each.group in self._predefined and each.group not in harmless):
                self._lose(f"{membership} (gives access outside the database)")
            elif each.group not in self._groups and each.group not in self._predefined:
                self._lose(f"{membership} (no such role in PostgreSQL {self._server.major})")
            elif each.group == self._original.role and self._original.superuser:
                # Here the group is not a superuser, but a member of all roles, so the reverse membership exists
                self._lose(
                    f"{membership} (a superuser in the real database; {each.group} is its member in the sandbox)"
                )
            elif self._server.major >= OPTIONS_SINCE:
                yield role.name, each
            else:
                yield from self._without_options(role, each, membership)

    def _without_options(self, role: Role, each: Membership, membership: str) -> Iterator[Edge]:
        if each.administers_only:
            return  # before 16, CREATEROLE alone allows that
        if not each.sets or each.inherits not in {None, role.inherits}:
            self._lose(f"{membership} (without its INHERIT or SET option, which PostgreSQL {self._server.major} lacks)")
        yield role.name, replace(each, inherits=None, sets=True, grantor="")

    def _lose(self, membership: str) -> None:
        if membership not in self._lost:
            self._lost.append(membership)

    def _join(self, edges: Iterable[Edge]) -> None:
        """Grants memberships. The grantor is the original's grantor if it has ADMIN OPTION here, else the superuser."""
        superusers = {role.name for role in self._original.roles if role.superuser}
        every = sorted(edges, key=lambda edge: (edge[0], edge[1].group))
        left = [edge for edge in every if edge[1].grantor in self._groups.keys() - superusers]
        self._merged(edge for edge in every if edge not in left)
        before = len(left) + 1
        while len(left) < before:
            before = len(left)
            left = [edge for edge in left if self._granted(*edge, by=edge[1].grantor)]
        self._merged(left)

    def _merged(self, edges: Iterable[Edge]) -> None:
        """Grants memberships as the superuser: one for each member and group, with all options combined."""
        pairs: dict[tuple[str, str], Membership] = {}
        for member, each in edges:
            other = pairs.get((member, each.group), each)
            inherits = each.inherits if not other.inherits else other.inherits
            pairs[member, each.group] = Membership(
                each.group, each.admin or other.admin, inherits, each.sets or other.sets
            )
        for (member, group), each in pairs.items():
            if said := self._granted(member, each):
                self._lose(f"{member} in {group} ({said})")

    def _granted(self, member: str, each: Membership, by: str = "") -> str:
        """Grants one membership. Returns the error, or an empty string."""
        statement = sql.SQL("grant {} to {}").format(sql.Identifier(each.group), sql.Identifier(member))
        statement += self._options(each)
        if by in self._groups and self._server.major >= OPTIONS_SINCE:
            statement += sql.SQL(" granted by {}").format(sql.Identifier(by))
        if not (said := self._tried(statement)):
            self._groups[member].add(each.group)
        return said

    def _options(self, each: Membership) -> sql.Composable:
        if self._server.major < OPTIONS_SINCE:
            return sql.SQL(" with admin option" if each.admin else "")
        options = [sql.SQL("admin true" if each.admin else "admin false")]
        if each.inherits is not None:
            options.append(sql.SQL("inherit true" if each.inherits else "inherit false"))
        options.append(sql.SQL("set true" if each.sets else "set false"))
        return sql.SQL(" with ") + sql.SQL(", ").join(options)

    def _approximate_superusers(self, roles: tuple[Role, ...]) -> None:
        """Makes each superuser of the original a member of every other role, which approximates a superuser.

        Applies only to the migrations' role if it is a superuser, or else to superusers that this role can SET ROLE to.
        """
        applying = next(role for role in roles if role.name == self._original.role)
        powerful = [applying.name] if applying.superuser else list(self._original.can_become)
        everyone = [*self._groups, *sorted(self._predefined & {"pg_read_all_data", "pg_write_all_data"})]
        for name in filter(self._groups.__contains__, powerful):
            for group in everyone:
                if group != name and not self._reaches(group, name):
                    self._granted(name, Membership(group, admin=group in self._groups, inherits=True))
        older = self._server.major >= OPTIONS_SINCE and not self._original.narrow_createrole
        if older and applying.creates_roles and not powerful and applying.name in self._groups:
            self._administer(applying.name, {role.name for role in roles if role.superuser})

    def _administer(self, name: str, superusers: set[str]) -> None:
        """Grants a role ADMIN OPTION on all roles except superusers. Before 16, CREATEROLE implied this option."""
        for group in self._groups.keys() - superusers - {name}:
            if group not in self._groups[name] and not self._reaches(group, name):
                self._granted(name, Membership(group, admin=True, inherits=False, sets=False))

    def _reaches(self, member: str, group: str) -> bool:
        """Whether `member` is a direct or indirect member of `group`. If so, the reverse membership is not possible."""
        seen, left = {member}, [member]
        while left:
            found = self._groups.get(left.pop(), set()) - seen
            seen |= found
            left += found
        return group in seen

    def _tried(self, *statements: sql.Composed) -> str:
        """Runs statements in one transaction. Returns PostgreSQL's error, or an empty string."""
        try:
            with self._connection.transaction():
                for statement in statements:
                    self._connection.execute(statement)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            return error.diag.message_primary or str(error)
        return ""


def roles_of(original: SourceDatabase) -> tuple[Role, ...]:
    """The roles to create. The migrations' role counts as a superuser if the server did not report it."""
    if any(role.name == original.role for role in original.roles):
        return original.roles
    return (*original.roles, Role(original.role, superuser=True))
