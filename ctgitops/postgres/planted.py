"""Provisions the sandbox server before unreviewed SQL runs in it: creates the roles, a database and the real schema."""

from __future__ import annotations

import re
from contextlib import suppress

import psycopg
from psycopg import sql

from ..core.original import Original, Role
from ..errors import CtgitopsError
from ..sql.parse import SqlSyntaxError, statements
from .borrowed import NOT_SEALED
from .connect import Connection
from .exchange import exchange
from .extensions import as_admin, dull, has_unquiet_triggers, missing
from .ledger import ensure_ledger
from .names import ADMIN
from .throwaway import Server

DELETED = (
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_execute_server_program",
    "pg_create_subscription",
)
"""Roles through which SQL reaches files, programs or the network. Before 16, who may make roles may join these."""
HARMLESS_ROLES = frozenset(
    {"pg_read_all_data", "pg_write_all_data", "pg_monitor", "pg_maintain", "pg_read_all_settings"}
)
SEES_OTHERS = frozenset({"pg_monitor", "pg_read_all_settings"})
"""Harmless where the server has nothing but this copy."""
CREATEROLE_IS_NARROW = 16
EMPTY = "template0"
MOST_NOTES = 3
_EXTENSION = re.compile(
    r'^(?:CREATE EXTENSION IF NOT EXISTS|COMMENT ON EXTENSION) ("(?:[^"]|"")+"|\w+).*?;$', re.MULTILINE | re.DOTALL
)


class Planter:
    """Makes a sealed server like the original; what it cannot match goes into `notes`."""

    def __init__(self, server: Server, original: Original, notes: list[str]) -> None:
        self._server = server
        self._original = original
        self._notes = notes

    def roles(self) -> None:
        """All roles of the original, none a superuser; and none is left that reaches beyond its databases."""
        server = self._server
        with as_admin(server.address()) as connection, connection.transaction():
            if server.ours:
                connection.execute("delete from pg_catalog.pg_authid where rolname = any(%s)", [list(DELETED)])
                connection.execute("revoke all on database postgres, template1 from public")
            else:
                self._note(NOT_SEALED)
            for role in self._roles:
                connection.execute(self._made(role))
                for statement in server.made(role.name):
                    connection.execute(statement)
            for role in self._roles:
                self._join(connection, role)

    @property
    def _roles(self) -> tuple[Role, ...]:
        roles = tuple(role for role in self._original.roles if role.name != ADMIN)
        if any(role.name == self._original.role for role in roles):
            return roles
        return (*roles, Role(self._original.role, superuser=True))

    def _made(self, role: Role) -> sql.Composed:
        ours = role.name == self._original.role
        options = [
            sql.SQL("nosuperuser nocreatedb noreplication connection limit 8"),
            sql.SQL("login" if ours else "nologin"),
            sql.SQL("inherit" if role.inherits else "noinherit"),
            sql.SQL("createrole" if self._creates_roles(role) else "nocreaterole"),
            sql.SQL("bypassrls" if role.bypasses_row_security or role.superuser else "nobypassrls"),
        ]
        return sql.SQL("create role {} {}").format(sql.Identifier(role.name), sql.SQL(" ").join(options))

    def _creates_roles(self, role: Role) -> bool:
        """Before 16 who may make roles may join those that reach files, which only a server of ours is without."""
        asked = role.creates_roles or role.superuser
        if asked and not self._server.ours and self._server.major < CREATEROLE_IS_NARROW:
            if role.name == self._original.role:
                self._note(f"{role.name} may make roles there, and not here")
            return False
        return asked

    def _join(self, connection: Connection, role: Role) -> None:
        """Its memberships; what is a superuser there is a member of every ordinary role here."""
        harmless = HARMLESS_ROLES if self._server.ours else HARMLESS_ROLES - SEES_OTHERS
        wanted = {name for name in role.member_of if not name.startswith("pg_") or name in harmless}
        if role.superuser and role.name == self._original.role:
            wanted |= {each.name for each in self._roles} | {"pg_read_all_data", "pg_write_all_data"}
        there = {str(n) for (n,) in connection.execute("select rolname from pg_catalog.pg_roles").fetchall()}
        for name in sorted(wanted & there - {role.name}):
            grant = sql.SQL("grant {} to {}").format(sql.Identifier(name), sql.Identifier(role.name))
            if role.creates_roles or role.superuser:
                grant += sql.SQL(" with admin option")
            # What is a circle there cannot be one here: two superusers that are members of each other
            with connection.transaction():
                connection.execute(grant)

    def database(self, name: str, template: str = EMPTY) -> None:
        """A database with the original's locale, if this server has it, and its settings; with what `template` has."""
        with as_admin(self._server.address()) as connection:
            self._create(connection, name, template)
            database, role = sql.Identifier(name), sql.Identifier(self._original.role)
            if self._original.superuser or self._owner == self._original.role:
                connection.execute(sql.SQL("alter database {} owner to {}").format(database, role))
            elif self._owner:
                connection.execute(
                    sql.SQL("alter database {} owner to {}").format(database, sql.Identifier(self._owner))
                )
            connection.execute(sql.SQL("revoke connect on database {} from public").format(database))
            connection.execute(sql.SQL("grant connect on database {} to {}").format(database, role))
            if self._original.creates:
                connection.execute(sql.SQL("grant create on database {} to {}").format(database, role))
            for who, parameter, value in self._original.settings:
                self._set(connection, (who, parameter, value), database)

    @property
    def _owner(self) -> str:
        return self._original.owner if any(r.name == self._original.owner for r in self._roles) else ""

    def _set(self, connection: Connection, setting: tuple[str, str, str], database: sql.Identifier) -> None:
        who, parameter, value = setting
        place = sql.SQL("role {}").format(sql.Identifier(who)) if who else sql.SQL("database {}").format(database)
        # A list, such as a search path, is stored as it is written; set_config reads it, and FROM CURRENT keeps it
        try:
            with connection.transaction():
                connection.execute("select pg_catalog.set_config(%s, %s, true)", [parameter, value])
                statement = sql.SQL("alter {} set {} from current").format(place, sql.Identifier(parameter))
                connection.execute(statement)
        except psycopg.Error as error:
            self._note(f"the setting {parameter} = {value} is not known here: {error.diag.message_primary}")

    def _create(self, connection: Connection, name: str, template: str) -> None:
        copied = sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
        if template != EMPTY:
            connection.execute(copied)
            return
        locale = self._original.locale
        made = sql.SQL("create database {} template template0 encoding {} lc_collate {} lc_ctype {}").format(
            sql.Identifier(name), locale.encoding, locale.collate, locale.ctype
        )
        if locale.provider != "c":
            word = {"i": "icu", "b": "builtin"}.get(locale.provider, "libc")
            made += sql.SQL(" locale_provider {} {} {}").format(
                sql.SQL(word), sql.SQL("icu_locale" if word == "icu" else "builtin_locale"), locale.icu
            )
        try:
            connection.execute(made)
        except psycopg.Error as error:
            self._note(f"its locale {locale.icu or locale.collate} cannot be had here: {error.diag.message_primary}")
            connection.execute(copied)

    def schema(self, database: str) -> None:
        """The original's schema, as pg_dump wrote it, in one message; if something of it fails, all the rest."""
        text = self._original.schema
        if not text:
            return
        address = self._server.address(database)
        with as_admin(address) as connection:
            for name in missing(connection, self._original.extensions):
                self._note(f"extension {name} is there, and this server does not have it or may not have it")
                text = _EXTENSION.sub(lambda m, name=name: "" if m[1].strip('"') == name else m[0], text)  # type: ignore[misc]
            if exchange(connection, text).failure:
                self._one_by_one(connection, text)
            dull(connection)

    def ledger(self, database: str) -> None:
        """The ledger, which the migrations' role owns, made while no event trigger of theirs runs.

        A trigger that refuses such DDL would otherwise refuse a ledger that the real database has. What cannot be made
        here is reported when the first migration is tried.
        """
        address = self._server.address(database)
        with as_admin(address) as connection, suppress(psycopg.Error, CtgitopsError):
            if not has_unquiet_triggers(connection):
                role = sql.Identifier(self._original.role)
                connection.execute(sql.SQL("set session authorization {}").format(role))
                ensure_ledger(connection, address)

    def _one_by_one(self, connection: Connection, text: str) -> None:
        try:
            parts = [text[each.start : each.end] for each in statements(text)]
        except SqlSyntaxError as error:
            self._note(f"its schema was not understood: {error}")
            return
        failed = [answer.failure.message for part in parts if (answer := exchange(connection, part)).failure]
        for message in failed[:MOST_NOTES]:
            self._note(f"a part of its schema cannot be made here: {message}")
        if len(failed) > MOST_NOTES:
            self._note(f"and {len(failed) - MOST_NOTES} more parts of its schema cannot be made here")

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)
