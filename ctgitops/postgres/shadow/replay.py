"""The replay database. All merged SQL runs in this throw-away database, for comparison with the real schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from ...core.environment.environment import Environment, ShadowPolicy
from ...core.gate.request import Request
from ...core.ledger.safeguards import Safeguards
from ...core.plan.plan import Direction, Plan, Step
from ...core.plan.replay import ReplayTarget
from ...core.schema.contents import Contents
from ...core.schema.snapshot import Snapshot
from ...core.schema.source_database import SourceDatabase
from ...core.workspace.workspace import Workspace
from ...errors import ApplyError, CtgitopsError, UsageError
from ...ports.database import Session
from ..catalog.schema_snapshot import take_snapshot
from ..catalog.source_database import APPLYING, schema_of
from ..connection.cancellable_query import exchange
from ..connection.connect import Address, Connection, connect, connected
from ..connection.identity import cluster_of
from ..connection.names import unused
from ..contents.contents import contents_of
from ..server.limits import Limits
from ..server.local_server import LocalServer
from ..server.programs import Programs
from ..server.scratch_database import rename
from ..server.server_choice import Server, throw_away
from ..session.database import PostgresDatabase
from .copy_name import without_databases
from .extensions import unlike

NAME = "a throw-away server"
_SETTINGS = {"autovacuum": "off", "max_connections": "20"}
_NO_DATABASE = re.compile(r'database "(.+)" does not exist')
_NO_ROLE = re.compile(r'role "(.+)" does not exist')
_NOT_THERE = frozenset({"42704", "42883", "42P01", "3F000", "42P07", "42710"})
"""SQLSTATEs of errors that a missing extension can cause."""
_NO_PRIVILEGE = "42501"
_CREATE_SCHEMA = re.compile(r"^CREATE SCHEMA (?!IF NOT EXISTS)", re.MULTILINE)
_SCHEMAS = "select nspname from pg_catalog.pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'"
_MOST_HELP = 50
"""The maximum number of retries of a migration. Before each retry, a missing role, extension or privilege is added."""


class ReplayShadow:
    """A throw-away database in which all merged migrations run from the start."""

    def __init__(self, server: Server, wanted: ReplayTarget, database: str) -> None:
        self._server = server
        self._wanted = wanted
        self._role = wanted.runs_as
        self._named(database)
        self._extended = False
        self._made: set[str] = set()
        """The roles that no migration creates, and that were created because a migration needs them."""
        with connected(self._admin, "ctgitops/shadow") as connection:
            self._given = _roles(connection)
            self._notes: list[str] = list(unlike(server.major, connection, wanted))
        if wanted.given:
            self._make_given(wanted.given)

    @property
    def unmatched(self) -> tuple[str, ...]:
        """Known differences from the requested database, as text."""
        return tuple(self._notes)

    def snapshot(self) -> Snapshot:
        """The schema. In its text, the role that runs migrations in the real database replaces `wanted.runs_as`."""
        return take_snapshot(self._admin, self._known_as)

    def read_again(self) -> Snapshot:
        """The schema after a dump and restore, deparsed a second time. Empty if the dump or the restore fails."""
        try:
            text = schema_of(self._admin, self._server.major)
            again = self._server.create_database(unused(f"{self._server.prefix}again", {self._database}))
            if self._server.ours:  # the owner of an event trigger, for example, must be a superuser
                self._run(sql.SQL("alter role {} superuser").format(sql.Identifier(self._role)))
            with connect(again, "ctgitops/shadow") as connection:
                failure = exchange(connection, text).failure
            if not failure:
                return take_snapshot(again, self._known_as)
            why = failure.message
        except CtgitopsError as error:
            why = error.what
        self._notes.append(f"cannot tell whether differences in the text of expressions are real: {why}")
        return Snapshot()

    def contents(self) -> Contents:
        """The schema as SQL, the rows, and the roles that migrations created. Raises WorkspaceError."""
        return contents_of(self._admin, self._server.major, self._role, self._given | self._made)

    @property
    def _known_as(self) -> tuple[str, str] | None:
        return (self._role, self._wanted.role) if self._wanted.role else None

    def apply(self, steps: tuple[Step, ...]) -> None:
        """Runs steps in the same way as apply. Raises ApplyError. Writes only to the throw-away database."""
        request = Request(Workspace((), ()), Environment(NAME, ""), datetime.now(UTC))
        plan = Plan(NAME, Direction.APPLY, None, None, request.environment.target, steps)
        done: list[Step] = []
        helped: set[str] = set()
        while len(done) < len(steps):
            try:
                # Reconnects for each attempt: recovery outside a transaction waits until the earlier backend has ended
                with PostgresDatabase(self._address).exclusively(request, lambda _: None) as session:
                    self._go_on(plan, done, helped, session)
            except ApplyError as error:
                help_ = self._help(error, helped)
                if help_ is None or len(helped) > _MOST_HELP:
                    raise
                helped.add(help_)
            finally:
                self._mark()

    def _named(self, database: str) -> None:
        self._database = database
        self._admin = self._server.address(database)
        self._address = Address(self._server.url(database, self._role), NAME)

    def _go_on(self, plan: Plan, done: list[Step], helped: set[str], session: Session) -> None:
        for step in plan.steps[len(done) :]:
            session.run(self._runnable(step), plan, Safeguards())
            done.append(step)
            if _NO_PRIVILEGE in helped:
                self._run(sql.SQL("alter role {} nosuperuser").format(sql.Identifier(self._role)))
            helped.clear()

    def _runnable(self, step: Step) -> Step:
        """The step to run. On an external server, leaves out statements that name a database: no copy has its name."""
        if self._server.ours:
            return step
        kept, skipped = without_databases(step)
        for each in skipped:
            note = f"{each.place} names the database {each.database}, and was skipped on the external server"
            self._notes += [] if note in self._notes else [note]
        return kept

    def _help(self, error: ApplyError, helped: set[str]) -> str | None:
        """Creates the missing role, extension or privilege that the error names, if no migration creates it.

        Returns what was created, or None if nothing was.
        """
        try:
            return self._helped(error, helped)
        except psycopg.OperationalError:
            raise
        except psycopg.Error:
            return None  # for example, the role name is reserved

    def _helped(self, error: ApplyError, helped: set[str]) -> str | None:
        if match := _NO_ROLE.search(error.what):
            return self._make_role(match[1]) if match[1] not in helped else None
        if (other := _NO_DATABASE.search(error.what)) and self._server.ours and not self._wanted.database:
            return self._rename(other[1]) if other[0] not in helped else None
        if error.sqlstate == _NO_PRIVILEGE and _NO_PRIVILEGE not in helped:
            self._run(sql.SQL("alter role {} superuser").format(sql.Identifier(self._role)))
            return _NO_PRIVILEGE
        if error.sqlstate in _NOT_THERE and not self._extended:
            return self._make_extensions()
        return None

    def _rename(self, name: str) -> str:
        """Renames the copy to the database name in a migration, because the name of the real database is not known."""
        self._server.make_room(name)
        with connected(self._server.address(), "ctgitops/shadow") as connection:
            rename(connection, self._database, name)
        self._named(name)
        return f'database "{name}" does not exist'

    def _mark(self) -> None:
        """Marks roles that migrations created on an external server, to let the clean-up find them."""
        if self._server.ours:
            return
        # Errors are ignored: the caller reports a failed run, and on a lost server there is nothing to mark
        with suppress(psycopg.Error, CtgitopsError), connect(self._admin, "ctgitops/shadow") as connection:
            for name in _roles(connection) - self._given:
                for statement in self._server.after_create_role_sql(name):
                    connection.execute(statement)

    def _make_role(self, name: str) -> str:
        role = sql.Identifier(name)
        self._run(sql.SQL("create role {}").format(role))
        self._made.add(name)
        self._run(sql.SQL("grant {} to {}").format(role, sql.Identifier(self._role)))
        return name

    def _make_extensions(self) -> str | None:
        """Creates extensions of the real database. Leaves out those that a migration has already created."""
        self._extended = True
        with connected(self._admin, "ctgitops/shadow") as connection:
            there = {str(name) for (name,) in connection.execute("select extname from pg_extension").fetchall()}
            available = {
                str(name) for (name,) in connection.execute("select name from pg_available_extensions").fetchall()
            }
            missing = [name.strip('"') for name in self._wanted.extensions if name.strip('"') in available - there]
            for name in missing:
                self._make_extension(connection, name)
        return "extensions" if missing else None

    def _make_extension(self, connection: Connection, name: str) -> None:
        try:
            extension = sql.Identifier(name)
            connection.execute(sql.SQL("create extension if not exists {} cascade").format(extension))
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            self._notes.append(
                f"extension {name} cannot be created on the throw-away server: {error.diag.message_primary}"
            )
        else:
            self._notes.append(f"extension {name} is not created by any migration, so it was installed first")

    def _make_given(self, text: str) -> None:
        """Creates the schemas of the platform, and the roles and extensions that they need. Raises UsageError."""
        text = _CREATE_SCHEMA.sub("create schema if not exists ", text).replace(APPLYING, self._role)
        for _ in range(_MOST_HELP):
            with connect(self._admin, "ctgitops/shadow") as connection:
                failure = exchange(connection, text).failure
            if failure is None:
                self._grant_given()
                return
            if match := _NO_ROLE.search(failure.message):
                self._make_role(match[1])
            elif self._extended or self._make_extensions() is None:
                break
        why = failure.message if failure else ""
        what = f"the schemas of the platform cannot be created on a throw-away server: {why}"
        hint = "set `shadow` in the manifest to an image or a server that has the platform's extensions"
        raise UsageError(what, state="nothing was changed", hint=hint)

    def _grant_given(self) -> None:
        role = sql.Identifier(self._role)
        with connected(self._admin, "ctgitops/shadow") as connection:
            for (name,) in connection.execute(_SCHEMAS).fetchall():
                for kind in ("", "all tables in ", "all sequences in ", "all functions in "):
                    grant = sql.SQL(f"grant all on {kind}schema {{}} to {{}}")
                    connection.execute(grant.format(sql.Identifier(str(name)), role))
            for (name,) in connection.execute("select pubname from pg_catalog.pg_publication").fetchall():
                connection.execute(sql.SQL("alter publication {} owner to {}").format(sql.Identifier(str(name)), role))

    def _run(self, statement: sql.Composed) -> None:
        with connected(self._admin, "ctgitops/shadow") as connection:
            connection.execute(statement)


@contextmanager
def replay_shadow(
    wanted: ReplayTarget, policy: ShadowPolicy, external: Address | None = None, target: Address | None = None
) -> Iterator[ReplayShadow]:
    """An empty throw-away database that is as similar to `wanted` as possible, on the server that `policy` selects.

    Raises UsageError if this server is also the server of `target`.
    """
    cluster: frozenset[str] = frozenset()
    if external and target:
        with connected(target, "ctgitops/read") as connection:
            cluster = cluster_of(connection)
    extensions = {name.strip('"'): version for name, version in wanted.extensions.items()}
    original = SourceDatabase(
        wanted.runs_as, policy.major or wanted.major, extensions=extensions, cluster=cluster, database=wanted.database
    )
    with throw_away(original, external, policy.image, Limits(), _own) as server:
        # An external server may have the real database, or another database of that name
        name = (wanted.database if server.ours else "") or f"{server.prefix}shadow"
        if server.ours:
            server.make_room(name)
        admin = server.create_database(name)
        role, database = sql.Identifier(wanted.runs_as), sql.Identifier(name)
        with connected(admin, "ctgitops/shadow") as connection:
            connection.execute(sql.SQL("create role {} login createrole createdb").format(role))
            for statement in server.after_create_role_sql(wanted.runs_as):
                connection.execute(statement)
            connection.execute(sql.SQL("alter database {} owner to {}").format(database, role))
            connection.execute(sql.SQL("grant create on schema public to {}").format(role))
            if wanted.search_path:
                connection.execute("select pg_catalog.set_config('search_path', %s, false)", [wanted.search_path])
                connection.execute(sql.SQL("alter role {} set search_path from current").format(role))
        yield ReplayShadow(server, wanted, name)


def _own(programs: Programs) -> LocalServer:
    return LocalServer(programs, settings=_SETTINGS)


def _roles(connection: Connection) -> frozenset[str]:
    rows = connection.execute("select rolname from pg_catalog.pg_roles where rolname !~ '^pg_'").fetchall()
    return frozenset(str(name) for (name,) in rows)
