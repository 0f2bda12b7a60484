"""A throw-away database like a real one: the same SQL gives the same schema in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from psycopg import sql

from ..core.environment import Environment
from ..core.plan import Direction, Plan, Step
from ..core.replay import Wanted
from ..core.request import Request
from ..core.snapshot import Snapshot
from ..core.workspace import Workspace
from ..errors import ApplyError
from ..ports import Session
from .connect import Address, connect
from .database import PostgresDatabase
from .programs import Programs, server_for
from .server import LocalServer
from .snapshot import take_snapshot

ROLE = "ctgitops_replay"
"""Who runs migrations here: no superuser, as long as the SQL lets it be none."""
NAME = "a throw-away server"
_SETTINGS = {"autovacuum": "off", "max_connections": "20"}
_NO_ROLE = re.compile(r'role "(.+)" does not exist')
_NOT_THERE = frozenset({"42704", "42883", "42P01", "3F000", "42P07", "42710"})
"""What SQL meets that rests on an extension which none of the migrations makes."""
_NO_PRIVILEGE = "42501"
_MOST_HELP = 50
"""So often is one migration helped to what it needs."""


class LocalShadow:
    """A throw-away database on a server beside us."""

    def __init__(self, server: LocalServer, wanted: Wanted) -> None:
        self._wanted = wanted
        self._admin = server.address("shadow")
        self._address = Address(server.url("shadow").replace("://postgres", f"://{ROLE}", 1), NAME)
        self._extended = False
        self._notes: list[str] = list(_unlike(server.programs, wanted))

    @property
    def unmatched(self) -> tuple[str, ...]:
        """In what it is not like what was wanted, in words."""
        return tuple(self._notes)

    def snapshot(self) -> Snapshot:
        """Its schema, as if whoever applies migrations in the real one had made it."""
        return take_snapshot(self._admin, (ROLE, self._wanted.role) if self._wanted.role else None)

    def bring(self, steps: tuple[Step, ...]) -> None:
        """Carries out steps, as an apply does. Raises ApplyError. Writes here alone."""
        request = Request(Workspace((), ()), Environment(NAME, ""), datetime.now(UTC))
        plan = Plan(NAME, Direction.APPLY, None, None, request.environment.target, steps)
        done: list[Step] = []
        helped: set[str] = set()
        while len(done) < len(steps):
            try:
                # Each attempt on connections of its own: what was begun outside a transaction waits for who began it
                with PostgresDatabase(self._address).exclusively(request, lambda _: None) as session:
                    self._go_on(plan, done, helped, session)
            except ApplyError as error:
                help_ = self._help(error, helped)
                if help_ is None or len(helped) > _MOST_HELP:
                    raise
                helped.add(help_)

    def _go_on(self, plan: Plan, done: list[Step], helped: set[str], session: Session) -> None:
        for step in plan.steps[len(done) :]:
            session.run(step, plan, None)
            done.append(step)
            if _NO_PRIVILEGE in helped:
                self._run(sql.SQL("alter role {} nosuperuser").format(sql.Identifier(ROLE)))
            helped.clear()

    def _help(self, error: ApplyError, helped: set[str]) -> str | None:
        """Gives a migration what real servers have from elsewhere: roles, extensions, rights. None: nothing helps."""
        if match := _NO_ROLE.search(error.what):
            return self._make_role(match[1]) if match[1] not in helped else None
        if error.sqlstate == _NO_PRIVILEGE and _NO_PRIVILEGE not in helped:
            self._run(sql.SQL("alter role {} superuser").format(sql.Identifier(ROLE)))
            return _NO_PRIVILEGE
        if error.sqlstate in _NOT_THERE and not self._extended:
            return self._make_extensions()
        return None

    def _make_role(self, name: str) -> str:
        role = sql.Identifier(name)
        self._run(sql.SQL("create role {}").format(role))
        self._run(sql.SQL("grant {} to {}").format(role, sql.Identifier(ROLE)))
        return name

    def _make_extensions(self) -> str | None:
        """Those of the real database that no migration has made until now."""
        self._extended = True
        with connect(self._admin, "ctgitops/shadow") as connection:
            there = {str(name) for (name,) in connection.execute("select extname from pg_extension").fetchall()}
            available = {
                str(name) for (name,) in connection.execute("select name from pg_available_extensions").fetchall()
            }
            missing = [name.strip('"') for name in self._wanted.extensions if name.strip('"') in available - there]
            for name in missing:
                extension = sql.Identifier(name)
                connection.execute(sql.SQL("create extension if not exists {} cascade").format(extension))
                self._notes.append(f"extension {name} is not made by any migration: it was taken as given")
        return "extensions" if missing else None

    def _run(self, statement: sql.Composed) -> None:
        with connect(self._admin, "ctgitops/shadow") as connection:
            connection.execute(statement)


@contextmanager
def local_shadow(wanted: Wanted) -> Iterator[LocalShadow]:
    """An empty database on a throw-away server, as like what is wanted as this machine can. Raises UsageError."""
    programs = server_for(wanted.major, [name.strip('"') for name in wanted.extensions])
    with LocalServer(programs, settings=_SETTINGS) as server:
        admin = server.create_database("shadow")
        role = sql.Identifier(ROLE)
        with connect(admin, "ctgitops/shadow") as connection:
            connection.execute(sql.SQL("create role {} login createrole createdb").format(role))
            connection.execute(sql.SQL("alter database shadow owner to {}").format(role))
            connection.execute(sql.SQL("grant create on schema public to {}").format(role))
            if wanted.search_path:
                connection.execute("select pg_catalog.set_config('search_path', %s, false)", [wanted.search_path])
                connection.execute(sql.SQL("alter role {} set search_path from current").format(role))
        yield LocalShadow(server, wanted)


def _unlike(programs: Programs, wanted: Wanted) -> Iterator[str]:
    if wanted.major and programs.major != wanted.major:
        yield f"PostgreSQL {wanted.major} there, {programs.major} here: what they print differently was not compared"
    for name in programs.lacks(name.strip('"') for name in wanted.extensions):
        yield f"extension {name} is there, and no server of this machine has it"
