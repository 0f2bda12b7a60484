"""PostgreSQL servers for tests: which one to use, and what to do if the machine lacks one."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
from psycopg import sql

from ctgitops.postgres.connection.connect import Address, Connection, connect
from ctgitops.postgres.connection.names import ADMIN
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import Programs, find_programs, programs_in, server_for
from ctgitops.postgres.server.scratch_database import make_copy

REQUIRED = frozenset(filter(None, os.environ.get("CTGITOPS_REQUIRE", "").split(",")))
"""What must not be skipped, such as `postgis,majors`; CI sets it."""
MEMORY = Path("/dev/shm")
_numbers = itertools.count(1)


def missing(need: str, reason: str) -> BaseException:
    """What to raise where this machine lacks something: a skip, or a failure where CTGITOPS_REQUIRE names it."""
    if need in REQUIRED:
        return pytest.fail.Exception(f"CTGITOPS_REQUIRE has {need}: {reason}", pytrace=False)
    return pytest.skip.Exception(reason)


def programs_for_tests() -> Programs:
    """The server's programs: those in CTGITOPS_TEST_POSTGRES, else the oldest that is found."""
    if chosen := os.environ.get("CTGITOPS_TEST_POSTGRES"):
        programs = programs_in(Path(chosen))
        assert programs, f"CTGITOPS_TEST_POSTGRES={chosen} is not a folder with PostgreSQL's programs"
        return programs
    return server_for(min((p.major for p in find_programs() if p.has_server), default=None))


def programs_of(major: int) -> Programs:
    """The server's programs of one major; skips where there are none."""
    for programs in find_programs():
        if programs.major == major and programs.has_server:
            return programs
    raise missing("majors", f"no server of PostgreSQL {major} here; CTGITOPS_POSTGRES names more places")


def clients_of(major: int) -> Programs:
    """pg_dump and pg_restore of one major; skips where there are none."""
    for programs in find_programs():
        if programs.major == major and programs.has_clients:
            return programs
    raise missing("majors", f"no pg_dump of PostgreSQL {major} here; CTGITOPS_POSTGRES names more places")


def base_for_servers() -> Path | None:
    """Memory, where there is plenty of it: a server starts in a third of the time."""
    try:
        return MEMORY if shutil.disk_usage(MEMORY).free > 2 << 30 else None
    except OSError:
        return None


class SharedServer(LocalServer):
    """The server of all tests of a process: it creates their databases in one session, which saves a thousand."""

    def __enter__(self) -> Self:
        super().__enter__()
        self._session = session(self.url())
        self._made: list[str] = []
        return self

    def __exit__(self, *raised: Any) -> None:
        self._session.close()
        super().__exit__(*raised)

    def create_database(self, name: str, template: str = "template0") -> Address:
        self._in_session(lambda connection: make_copy(connection, name, template))
        self._made.append(name)
        return self.address(name)

    @contextmanager
    def dropping(self) -> Iterator[None]:
        """Drops the databases that the block creates. Thousands of them would fill the memory of the machine."""
        before = len(self._made)
        yield
        for name in self._made[before:]:
            drop = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            with suppress(psycopg.Error):  # a prepared transaction or a replication slot keeps it
                self._in_session(partial(Connection.execute, query=drop))
        del self._made[before:]

    def _in_session(self, work: Callable[[Connection], object]) -> None:
        try:
            work(self._session)
        except psycopg.OperationalError:  # a test that kills a backend ends all sessions
            self._session.close()
            self._session = session(self.url())
            work(self._session)


def fresh_database(server: LocalServer) -> str:
    """The URL of a new, empty database."""
    return server.create_database(f"test_{next(_numbers)}").url


def copied_database(server: SharedServer, template: str) -> str:
    """The URL of a new database, a copy of the database `template`, to which nothing may be connected."""
    return server.create_database(f"{template}_{next(_numbers)}", template).url


def session(url: str) -> Connection:
    """A connection in autocommit, as a test's hands on a database."""
    return connect(Address(url, label="the test's database"), "ctgitops test")


def run(url: str, statements: str) -> None:
    """Runs SQL, many statements at once."""
    with session(url) as connection:
        connection.execute(statements.encode())


def fetch(url: str, query: str) -> list[tuple[object, ...]]:
    """The rows of a query."""
    with session(url) as connection:
        return connection.execute(query.encode()).fetchall()


class Service(LocalServer):
    """As a workflow's service container is started for shadows: with a superuser of that name."""

    superuser = ADMIN


def borrowable(major: int | None = None) -> Service:
    """A server that is nobody's target, reached over the network with a password."""
    programs = programs_of(major) if major else programs_for_tests()
    return Service(programs, listen="127.0.0.1", base=base_for_servers())


def quickly(cases: Iterable[object], *, alone: Collection[object] = ()) -> list[object]:
    """All cases for `parametrize`; `make test` runs those in `alone`, or the first one, and `make slow` the others."""
    cases = list(cases)
    kept = alone or cases[:1]
    return [case if case in kept else pytest.param(case, marks=pytest.mark.slow) for case in cases]
