"""Chooses the extensions that the sandbox creates. Disables untrusted extensions before unreviewed SQL runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from ...sql.parse import Statement, extension_made
from ...sql.script import Script
from ..connection.cancellable_query import Failure
from ..connection.connect import Connection, connect
from ..connection.failure_cause import source_of
from ..transaction.message import spot_in
from ..transaction.step_failure import NOT_GRANTED, StepFailed
from .extension_guard import ExtensionGuard

if TYPE_CHECKING:
    from ...core.plan.plan import Step
    from ...core.plan.replay import ReplayTarget
    from ...core.schema.source_database import SourceDatabase
    from ...sql.extension import Extension
    from ..server.server_choice import Server

QUIET = {"search_path": "pg_catalog,pg_temp", "session_replication_role": "replica", "role": "none"}
"""Settings of the superuser's session.

With these settings, no name resolves in a user's schema, no event trigger of a user fires, and no setting of the
database changes the role.
"""
NO_EVENT_TRIGGERS = {"event_triggers": "off"}
EVENT_TRIGGERS_SINCE = 17
"""The first major version with login event triggers. A login event trigger fires before the session's first query."""
HARMLESS = frozenset({"postgis", "postgis_topology", "vector", "pg_stat_statements", "plpgsql"})
"""Extensions that are not marked as trusted, but give no access to anything outside the database."""
NEVER = frozenset({"plpython3u", "plpython2u", "plpythonu", "plperlu", "pltclu", "plsh", "plr", "adminpack"})
"""Extensions that are never created, such as untrusted languages, and extensions with access to the machine."""
_TRUSTED = """
select distinct v.name from pg_catalog.pg_available_extension_versions v where v.trusted
"""
_MADE = "select extname, oid from pg_catalog.pg_extension where not extname = any(%s)"
_FUNCTIONS = """
select p.oid::pg_catalog.regprocedure::text, array(
    select distinct r.rolname::text from pg_catalog.aclexplode(p.proacl) a
    join pg_catalog.pg_roles r on r.oid = a.grantee where a.grantee <> p.proowner
)
from pg_catalog.pg_depend d
join pg_catalog.pg_proc p on p.oid = d.objid and d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
where d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.refobjid = %s and d.deptype = 'e'
"""
_WRAPPERS = """
select w.fdwname from pg_catalog.pg_depend d
join pg_catalog.pg_foreign_data_wrapper w
    on w.oid = d.objid and d.classid = 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass
where d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.refobjid = %s and d.deptype = 'e'
"""
_LANGUAGES = """
select distinct e.extname from pg_catalog.pg_language l
join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_language'::pg_catalog.regclass and d.objid = l.oid
join pg_catalog.pg_extension e on e.oid = d.refobjid and d.deptype = 'e'
where not l.lanpltrusted
"""


def as_admin(server: Server, database: str = "") -> Connection:
    """A superuser's connection to a database of a sandbox server. No event trigger of a user fires in its session."""
    login = NO_EVENT_TRIGGERS if server.major >= EVENT_TRIGGERS_SINCE else {}
    return connect(server.address(database), "ctgitops/shadow", QUIET | login)


def trusted(connection: Connection) -> frozenset[str]:
    """Trusted extensions, which any role with CREATE on the database may create."""
    return frozenset(str(name) for (name,) in connection.execute(_TRUSTED).fetchall())


def missing(connection: Connection, extensions: Iterable[str]) -> tuple[str, ...]:
    """The extensions in `extensions` that are not available or not allowed."""
    query = "select name from pg_catalog.pg_available_extensions"
    available = {str(name) for (name,) in connection.execute(query).fetchall()}
    return tuple(sorted(name for name in extensions if name not in available or name in NEVER))


def disable_untrusted_extensions(connection: Connection) -> None:
    """Disables extensions that are neither trusted nor in HARMLESS, for all roles except superusers. Writes.

    Revokes EXECUTE on their functions, and disables their foreign data wrappers. Drops untrusted languages. Keeps their
    other objects, such as types, operators and foreign tables, as in the real database.
    """
    known = [*trusted(connection), *HARMLESS]
    for _, extension in connection.execute(_MADE, [known]).fetchall():
        for function, grantees in connection.execute(_FUNCTIONS, [extension]).fetchall():
            # A dump contains the grants that roles have in the real database
            those = [sql.SQL("public"), *map(sql.Identifier, grantees if isinstance(grantees, list) else ())]
            revoke = sql.SQL("revoke execute on routine {} from {} cascade")
            connection.execute(revoke.format(sql.SQL(str(function)), sql.SQL(", ").join(those)))
        for (wrapper,) in connection.execute(_WRAPPERS, [extension]).fetchall():
            alter = sql.SQL("alter foreign data wrapper {} no handler no validator")
            connection.execute(alter.format(sql.Identifier(str(wrapper))))
    for (name,) in connection.execute(_LANGUAGES).fetchall():
        # Dropped, because a role could call existing functions in this language, which have access to the machine
        connection.execute(sql.SQL("drop extension {} cascade").format(sql.Identifier(str(name))))


class Extensions:
    """Runs a migration's CREATE EXTENSION as the migration's role, or as the superuser if the extension is allowed."""

    def __init__(
        self, server: Server, database: Callable[[], str], original: SourceDatabase, allowed: frozenset[str]
    ) -> None:
        self._server = server
        self._database = database
        with self._admin() as connection:
            self._guard = ExtensionGuard(connection)
        self._allowed = (HARMLESS | allowed | original.extensions.keys()) - NEVER

    def _admin(self) -> Connection:
        return as_admin(self._server, self._database())

    def pieces(self, step: Step) -> Iterator[Step | Callable[[], None]]:
        """The parts of a step in order: SQL for the migration's role, and calls that run as the superuser.

        Raises StepFailed if an extension is not allowed.
        """
        asked = [
            (statement, made)
            for statement in step.script.statements
            if statement.kind == "CreateExtensionStmt" and (made := extension_made(step.script.text_of(statement)))
        ]
        helped = [(statement, made) for statement, made in asked if self._needs_help(step, statement, made)]
        start = 0
        for statement, made in helped:
            yield _part(step, start, statement.start)
            yield lambda made=made, statement=statement: self._make(step, statement, made)  # type: ignore[misc]
            start = statement.end
        yield _part(step, start, len(step.script.sent)) if helped else step

    def _needs_help(self, step: Step, statement: Statement, made: Extension) -> bool:
        with self._admin() as connection:
            there = connection.execute("select extname from pg_catalog.pg_extension").fetchall()
            if (made.name,) in there or made.name in trusted(connection):
                return False
            if made.name in missing(connection, [made.name]) and made.name not in NEVER:
                return False  # the server's own error is the best message
        if made.name in self._allowed:
            return True
        what = f'extension "{made.name}" needs a superuser, and the sandbox only creates extensions on its list'
        hint = f"if it has no access outside its database, set `shadow: {{extensions: [{made.name}]}}` in the manifest"
        failure = Failure(what, NOT_GRANTED)
        raise StepFailed(failure, spot_in(step.script, statement, statement.start), lost=False, hint=hint)

    def _make(self, step: Step, statement: Statement, made: Extension) -> None:
        spot = spot_in(step.script, statement, statement.start)
        try:
            with self._admin() as connection, connection.transaction():
                if said := self._guard.refusal(connection, made, self._allowed | trusted(connection)):
                    raise StepFailed(Failure(said, NOT_GRANTED), spot, lost=False)
                if not made.schema:
                    connection.execute("set local search_path = public")
                connection.execute(_statement(made))
                connection.execute("set local search_path = pg_catalog, pg_temp")
                disable_untrusted_extensions(connection)
        except psycopg.Error as error:
            said = error.diag.message_primary or str(error)
            failure = Failure(said, error.sqlstate or "", source=source_of(error))
            raise StepFailed(failure, spot, lost=False) from None


def _statement(made: Extension) -> sql.Composed:
    """CREATE EXTENSION, built from the parsed options. The superuser runs no other text of the migration."""
    text = sql.SQL("create extension {}").format(sql.Identifier(made.name))
    if made.schema:
        text += sql.SQL(" schema {}").format(sql.Identifier(made.schema))
    if made.version:
        text += sql.SQL(" version {}").format(sql.Literal(made.version))
    return text + sql.SQL(" cascade") if made.cascade else text


def _part(step: Step, start: int, end: int) -> Step:
    """The step with only the statements that begin in [`start`, `end`). Each keeps its line and column."""
    script = step.script
    text = list(script.sent)
    for statement in script.statements:
        if not start <= statement.start < end:
            text[statement.start : statement.end] = re.sub(r"[^\n]", " ", script.sql[statement.start : statement.end])
    part = Script("".join(text), script.path, script.first_line)
    return replace(step, script=part, verify=step.verify if end == len(text) else None)


def unlike(major: int, connection: Connection, wanted: ReplayTarget) -> Iterator[str]:
    """The known differences of a throw-away server from the requested one, as text."""
    if wanted.major and major != wanted.major:
        yield (
            f"PostgreSQL {wanted.major} in the real database, {major} in the throw-away one: "
            "expressions that the two versions print differently are not compared"
        )
    rows = connection.execute("select name from pg_catalog.pg_available_extensions").fetchall()
    available = {str(name) for (name,) in rows}
    for name in sorted(name.strip('"') for name in wanted.extensions if name.strip('"') not in available):
        yield f"extension {name} is not available on the throw-away server"
