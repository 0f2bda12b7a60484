"""Throw-away databases on an external server, such as the service container of a workflow.

A run holds an advisory lock on the server, so only one run at a time uses the server. Databases and roles that already
exist therefore belong to a killed run, and the next run drops them.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ...errors import LedgerError, UsageError
from ..connection.connect import Address, Connection, connect, connected, lost_as_error, on_one_server
from ..connection.identity import cluster_of
from ..connection.names import ADMIN, unused
from ..connection.uninterrupted_cleanup import UninterruptedCleanup
from .auto_explain import can_load, role_sql
from .scratch_database import make_copy, move_away

if TYPE_CHECKING:
    from ...core.schema.source_database import SourceDatabase

PREFIX = "ctgitops_shadow_"
"""The prefix of the names of throw-away databases."""
MARK = "ctgitops shadow"
"""The comment on roles that ctgitops creates. The clean-up finds the roles by this comment."""
WAIT_SECONDS = 300
NOT_SEALED = "not isolated: this run does not limit the external server's memory, CPU and temporary files"
_LOCK = "select pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('ctgitops shadow', 0))"
_DATABASES = "select datname from pg_catalog.pg_database where pg_catalog.starts_with(datname, %s)"
_SIZE = (
    "select coalesce(pg_catalog.sum(pg_catalog.pg_database_size(oid)), 0)::bigint from pg_catalog.pg_database "
    "where pg_catalog.starts_with(datname, %s)"
)
# Since 16, the creator of a role is its admin: this query finds the roles that migrations created
_ROLES = """
with recursive ours(oid) as (
    select oid from pg_catalog.pg_roles where pg_catalog.shobj_description(oid, 'pg_authid') = %s
    union
    select m.roleid from pg_catalog.pg_auth_members m join ours o on o.oid = m.member
    where m.admin_option and m.grantor = 10
)
select r.rolname from ours join pg_catalog.pg_roles r using (oid) where not pg_catalog.starts_with(r.rolname, 'pg_')
"""
_TAKEN = "select rolname from pg_catalog.pg_roles where rolname = any(%s) order by 1"
_SUPERUSER = "select rolsuper from pg_catalog.pg_roles where rolname = current_user"
_END = (
    "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity "
    "where pg_catalog.starts_with(datname, %s) and datname <> pg_catalog.current_database()"
)


class ExternalServer(UninterruptedCleanup):
    """The server at an address, used as a superuser. At the end, drops the databases and roles of this run."""

    prefix = PREFIX

    def __init__(self, address: Address, original: SourceDatabase, *, ours: bool = False) -> None:
        self.ours = ours
        """Whether the whole server is removed afterwards, as for a container."""
        self._address = address
        self._original = original
        self.password = secrets.token_urlsafe(18)
        """The password of the roles that can log in."""
        self._cleanup = ExitStack()
        self.major = 0
        self._explains = False
        """Whether the server has the module auto_explain."""

    def __enter__(self) -> Self:
        with ExitStack() as cleanup, lost_as_error(self._address):
            lock = cleanup.enter_context(connect(self._address, "ctgitops/shadow"))
            self.major = lock.info.server_version // 10000
            self._refuse(lock)
            self._explains = can_load(lock)
            self._wait(lock)
            self._tidy(lock)
            if taken := [str(name) for (name,) in lock.execute(_TAKEN, [self._names()]).fetchall()]:
                what = f"{self._address.label} has roles of the real server: {', '.join(taken[:3])}"
                raise UsageError(what, hint=f"set `shadow.url` to {self._needed}")
            cleanup.callback(self._tidied, lock)
            self._cleanup = cleanup.pop_all()
        return self

    def url(self, database: str = "", role: str = "") -> str:
        """The URL of one of the server's databases. The default is the database in the server's URL."""
        asked = {"dbname": database} if database else {}
        return make_conninfo("", **{**on_one_server(self._address), **asked, **self._login(role)})

    def address(self, database: str = "") -> Address:
        """The address of one of the server's databases, for the superuser."""
        return Address(self.url(database), self._address.label)

    def make_room(self, name: str) -> None:
        """Renames the database `name`, to free the name for a copy. Only for a throw-away server. Writes."""
        with connected(self._address, "ctgitops/shadow") as connection:
            move_away(connection, name, unused("ctgitops_moved", {name}))

    def create_database(self, name: str) -> Address:
        """Creates an empty database. Writes. Raises LedgerError if the server is not reachable."""
        with connected(self._address, "ctgitops/shadow") as connection:
            make_copy(connection, name)
        return self.address(name)

    def after_create_role_sql(self, role: str) -> Iterable[sql.Composed]:
        """The statements to run after CREATE ROLE: they add the comment MARK, and let the migrations' role log in."""
        name = sql.Identifier(role)
        yield sql.SQL("comment on role {} is {}").format(name, MARK)
        if role == self._original.role:
            yield sql.SQL("alter role {} password {}").format(name, self.password)
            yield sql.SQL("alter role {} set temp_file_limit = '512MB'").format(name)
            # Names are parsed from the server's messages, which must be English; on our own servers, initdb sets that
            yield sql.SQL("alter role {} set lc_messages = 'C'").format(name)
            yield from role_sql(role) if self._explains else ()

    def used(self) -> int:
        """Size of this run's databases in bytes. 0 if the query fails."""
        with suppress(psycopg.Error, LedgerError), connect(self._address, "ctgitops/shadow") as connection:
            row = connection.execute(_SIZE, [self._ours]).fetchone()
            return int(str(row[0])) if row else 0
        return 0

    def end(self) -> None:
        """Terminates all sessions in this run's databases. Can be called from any thread."""
        with suppress(psycopg.Error, LedgerError), connect(self._address, "ctgitops/shadow") as connection:
            for (name,) in connection.execute(_DATABASES, [self._ours]).fetchall():
                connection.execute(sql.SQL("alter database {} connection limit 0").format(sql.Identifier(str(name))))
            connection.execute(_END, [self._ours])

    @property
    def _ours(self) -> str:
        """The prefix of this run's databases. Empty if the whole server is removed afterwards."""
        return "" if self.ours else PREFIX

    @property
    def _needed(self) -> str:
        name = unused(ADMIN, self._names())
        return f"a separate server, such as a service container, with `POSTGRES_USER: {name}`"

    def _login(self, role: str) -> dict[str, str]:
        return {"user": role, "password": self.password} if role else {}

    def _names(self) -> list[str]:
        return [self._original.role, *(role.name for role in self._original.roles)]

    def _refuse(self, connection: Connection) -> None:
        if cluster_of(connection) & self._original.cluster:
            what = f"{self._address.label} is the server of this environment, and unmerged SQL never runs there"
            raise UsageError(what, hint=f"set `shadow.url` to {self._needed}")
        if connection.execute(_SUPERUSER).fetchone() != (True,):
            what = f"the role of {self._address.label} is not a superuser, so it cannot create a copy"
            raise UsageError(what, hint=f"set `shadow.url` to {self._needed}")

    def _wait(self, connection: Connection) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while connection.execute(_LOCK).fetchone() != (True,):
            if time.monotonic() > deadline:
                what = f"{self._address.label} has been in use by another run for {WAIT_SECONDS // 60} minutes"
                raise UsageError(what, hint="use a separate server per run, or run them one after another")
            time.sleep(0.2)

    def _tidied(self, connection: Connection) -> None:
        """Drops databases and roles. Ignores errors, because the next run finds leftovers by name and comment."""
        with suppress(psycopg.Error):
            self._tidy(connection)

    @staticmethod
    def _tidy(connection: Connection) -> None:
        for (name,) in connection.execute(_DATABASES, [PREFIX]).fetchall():
            database = sql.Identifier(str(name))
            # The database's owner may have marked it as a template, which cannot be dropped
            connection.execute(sql.SQL("alter database {} is_template false").format(database))
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(database))
        for (name,) in connection.execute(_ROLES, [MARK]).fetchall():
            connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(str(name))))
