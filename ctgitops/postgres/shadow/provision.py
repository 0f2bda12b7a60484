"""Provisions the sandbox server with roles, databases and the real schema. Runs before unreviewed SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, LiteralString

import psycopg
from psycopg import sql

from ...errors import CtgitopsError
from ...sql.parse import SqlSyntaxError, statements
from ..connection.cancellable_query import exchange
from ..connection.connect import Address, Connection, connect
from ..ledger.ledger import ensure_ledger
from ..server.external_server import NOT_SEALED
from ..server.scratch_database import create_like, make_copy
from .extension_guard import has_unquiet_triggers
from .extensions import as_admin, disable_untrusted_extensions, missing
from .provision_roles import CONNECTIONS, REACHING, RoleProvisioner, roles_of

if TYPE_CHECKING:
    from ...core.plan.plan import Step
    from ...core.schema.source_database import SourceDatabase
    from ..server.server_choice import Server

EMPTY = "template0"
_REFRESHING = {"statement_timeout": "5s"}
PRIVILEGES: dict[str, LiteralString] = {"CREATE": "create", "TEMPORARY": "temporary", "CONNECT": "connect"}
LIMITING = frozenset({"AlterDatabaseStmt", "AlterRoleStmt", "DoStmt", "CallStmt"})
"""Kinds of statements that may restrict connections."""
MOST_NOTES = 3
_EXTENSION = re.compile(
    r'^(?:CREATE EXTENSION IF NOT EXISTS|COMMENT ON EXTENSION) ("(?:[^"]|"")+"|\w+).*?;$', re.MULTILINE | re.DOTALL
)
_DEFINERS = """
select p.oid::pg_catalog.regprocedure::text from pg_catalog.pg_proc p
join pg_catalog.pg_roles r on r.oid = p.proowner
where p.prosecdef and r.rolsuper and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e'
)
"""


class Provisioner:
    """Prepares a sandbox server like the original. Adds the differences that remain to `notes`."""

    def __init__(self, server: Server, original: SourceDatabase, notes: list[str]) -> None:
        self._server = server
        self._original = original
        self._notes = notes

    def roles(self) -> None:
        """Creates all roles of the original. None of them is a superuser or has access to anything outside. Writes."""
        server = self._server
        with as_admin(server) as connection, connection.transaction():
            if server.ours:
                connection.execute("delete from pg_catalog.pg_authid where rolname = any(%s)", [list(REACHING)])
                for (name,) in connection.execute("select datname from pg_catalog.pg_database").fetchall():
                    connection.execute(
                        sql.SQL("revoke all on database {} from public").format(sql.Identifier(str(name)))
                    )
            else:
                self._note(NOT_SEALED)
            RoleProvisioner(connection, server, self._original, self._note).provision()

    @cached_property
    def _made(self) -> frozenset[str]:
        """The original's roles that exist on this server."""
        names = [role.name for role in roles_of(self._original)]
        with as_admin(self._server) as connection:
            rows = connection.execute("select rolname from pg_catalog.pg_roles where rolname = any(%s)", [names])
            return frozenset(str(name) for (name,) in rows.fetchall())

    def database(self, name: str, template: str = EMPTY) -> None:
        """Creates a database from `template`, with the original's settings and, if available, its locale. Writes."""
        with as_admin(self._server) as connection:
            self._create(connection, name, template)
            database, role = sql.Identifier(name), sql.Identifier(self._original.role)
            if owner := self._owner:
                connection.execute(sql.SQL("alter database {} owner to {}").format(database, sql.Identifier(owner)))
            connection.execute(sql.SQL("revoke connect on database {} from public").format(database))
            self._grant(connection, database)
            connection.execute(sql.SQL("grant connect on database {} to {}").format(database, role))
            if self._original.creates:
                connection.execute(sql.SQL("grant create on database {} to {}").format(database, role))
            for who, parameter, value in self._original.settings:
                if not who or who in self._made:
                    self._set(connection, (who, parameter, value), database)

    def ledger(self, name: str, connection: Connection, address: Address) -> None:
        """Creates the ledger. The role of `connection` owns it, even if the real ledger has another owner. Writes."""
        with self._may_create(name):
            ensure_ledger(connection, address)

    @contextmanager
    def _may_create(self, name: str) -> Iterator[None]:
        """Temporarily grants CREATE on a database to the migrations' role, if the role lacks this privilege."""
        if self._original.creates:
            yield
            return
        whose = [sql.Identifier(each) for each in (name, self._original.role)]
        with as_admin(self._server) as admin:
            admin.execute(sql.SQL("grant create on database {} to {}").format(*whose))
            try:
                yield
            finally:
                admin.execute(sql.SQL("revoke create on database {} from {}").format(*whose))

    def reopen(self, name: str, step: Step) -> None:
        """Removes the connection limits that a step set. ctgitops can then inspect the result of the step. Writes."""
        if not any(statement.kind in LIMITING for statement in step.script.statements):
            return
        with as_admin(self._server) as admin:
            admin.execute(sql.SQL("alter database {} connection limit -1").format(sql.Identifier(name)))
            role = sql.Identifier(self._original.role)
            admin.execute(sql.SQL("alter role {} login connection limit {}").format(role, CONNECTIONS))

    @property
    def _owner(self) -> str:
        wanted = self._original.role if self._original.superuser else self._original.owner
        return wanted if wanted in self._made else ""

    def _grant(self, connection: Connection, database: sql.Identifier) -> None:
        """Grants the original's privileges on the database, except CONNECT to PUBLIC."""
        if self._original.database and ("", "TEMPORARY", False) not in self._original.grants:
            connection.execute(sql.SQL("revoke temporary on database {} from public").format(database))
        for who, privilege, grantable in self._original.grants:
            word = PRIVILEGES.get(privilege)
            if word is None or (privilege == "CONNECT" and not who) or (who and who not in self._made):
                continue
            grantee = sql.Identifier(who) if who else sql.SQL("public")
            statement = sql.SQL("grant {} on database {} to {}").format(sql.SQL(word), database, grantee)
            connection.execute(statement + sql.SQL(" with grant option" if grantable else ""))

    def _set(self, connection: Connection, setting: tuple[str, str, str], database: sql.Identifier) -> None:
        who, parameter, value = setting
        place = sql.SQL("role {}").format(sql.Identifier(who)) if who else sql.SQL("database {}").format(database)
        # `value` may be a list, such as a search path, in text form: set_config parses it, and FROM CURRENT stores the
        # result
        try:
            with connection.transaction():
                connection.execute("select pg_catalog.set_config(%s, %s, true)", [parameter, value])
                statement = sql.SQL("alter {} set {} from current").format(place, sql.Identifier(parameter))
                connection.execute(statement)
        except psycopg.Error as error:
            self._note(
                f"the setting {parameter} = {value} is not supported in the sandbox: {error.diag.message_primary}"
            )

    def _create(self, connection: Connection, name: str, template: str) -> None:
        if template == EMPTY:
            locale = self._original.locale
            try:
                create_like(connection, name, locale)
            except psycopg.Error as error:
                wanted = locale.icu or locale.collate
                self._note(f"locale {wanted} is not available in the sandbox: {error.diag.message_primary}")
            else:
                return
        make_copy(connection, name, template)

    def schema(self, database: str) -> None:
        """Restores the original's schema from pg_dump in one message, or after an error, statement by statement."""
        text = self._original.schema
        if not text:
            return
        with as_admin(self._server, database) as connection:
            for name in missing(connection, self._original.extensions):
                self._note(f"extension {name} is not available or not allowed in the sandbox")
                text = _EXTENSION.sub(lambda m, name=name: "" if m[1].strip('"') == name else m[0], text)  # type: ignore[misc]
            if exchange(connection, text).failure:
                self._one_by_one(connection, text)
            disable_untrusted_extensions(connection)
            for (function,) in connection.execute(_DEFINERS).fetchall():
                # Its owner could not be created; the superuser, who restored it, must not run it for others
                role = sql.Identifier(self._original.role)
                alter = sql.SQL("alter routine {} owner to {}").format(sql.SQL(str(function)), role)
                connection.execute(alter)
        self._populate(database)

    def _populate(self, database: str) -> None:
        """Refreshes the materialized views that are populated in the original, if the role may do so. Writes.

        The queries of the views run as the migrations' role, not as the superuser. A view that reads another view may
        need a second pass. A view that stays unpopulated is not an error here, because a migration that reads the view
        is not tried.
        """
        left = list(self._original.populated)
        if not left:
            return
        address = Address(self._server.url(database, self._original.role), "a throw-away database")
        with suppress(psycopg.Error, CtgitopsError), connect(address, "ctgitops/shadow", _REFRESHING) as connection:
            before = len(left) + 1
            while len(left) < before:
                before = len(left)
                left = [name for name in left if exchange(connection, f"refresh materialized view {name}").failure]

    def quiet_ledger(self, database: str) -> None:
        """Creates the ledger for the migrations' role. Fires no event trigger of a user. Writes.

        An event trigger that rejects such DDL would reject this ledger, although the real database already has a
        ledger. Ignores errors here, because the first migration reports them.
        """
        address = self._server.address(database)
        with (
            suppress(psycopg.Error, CtgitopsError),
            self._may_create(database),
            as_admin(self._server, database) as connection,
        ):
            if not has_unquiet_triggers(connection):
                role = sql.Identifier(self._original.role)
                connection.execute(sql.SQL("set session authorization {}").format(role))
                ensure_ledger(connection, address)

    def _one_by_one(self, connection: Connection, text: str) -> None:
        try:
            parts = [text[each.start : each.end] for each in statements(text)]
        except SqlSyntaxError as error:
            self._note(f"cannot parse the schema: {error}")
            return
        failed = [answer.failure.message for part in parts if (answer := exchange(connection, part)).failure]
        for message in failed[:MOST_NOTES]:
            self._note(f"a part of the schema cannot be created in the sandbox: {message}")
        if len(failed) > MOST_NOTES:
            self._note(f"and {len(failed) - MOST_NOTES} more parts of the schema cannot be created in the sandbox")

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)
