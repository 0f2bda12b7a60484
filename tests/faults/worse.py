"""Faults caused by a change to the server or by a suspended machine; each is undone before the next run."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator

from psycopg import sql

from ctgitops.errors import CtgitopsError
from ctgitops.postgres.connection.connect import Connection
from tests.faults.proxy import Proxy
from tests.faults.scene import Scene, Watched
from tests.servers import session

END_ALL = """select pg_terminate_backend(pid, 5000) from pg_stat_activity
             where datname = current_database() and application_name ~ '^ctgitops/'"""
END_LOCK = END_ALL + " and application_name = 'ctgitops/lock'"
END_WORK = END_ALL + " and application_name ~ '^ctgitops/apply'"
PATIENCE = 20.0


@contextlib.contextmanager
def hands(scene: Scene) -> Iterator[Connection]:
    """A session that was there before the fault, and that no change of a default reaches."""
    with session(scene.url) as connection:
        connection.execute("set default_transaction_read_only = off")
        yield connection


def slept_while_another_ran(scene: Scene, watched: Watched, _: Proxy | None) -> None:
    """The machine of a run sleeps, its lock is lost, another run does what it can, and the first wakes up."""
    process = watched.running.process
    if process.poll() is not None:
        return
    os.kill(process.pid, signal.SIGSTOP)
    try:
        with hands(scene) as connection:
            connection.execute(END_LOCK.encode())
        other = scene.house.apply("--wait", "5")
        assert other.status in {0, 5, 6}, other.said
    finally:
        os.kill(process.pid, signal.SIGCONT)


def asked_and_then_killed(scene: Scene, watched: Watched, _: Proxy | None) -> None:
    """Ctrl-C, and before it has come to an end, kill -9."""
    if watched.running.process.poll() is None:
        watched.running.ctrl_c()
        watched.waited(scene.chance.uniform(0, 0.3))
        watched.running.kill()


def answer_lost(scene: Scene, watched: Watched, proxy: Proxy | None) -> None:
    """The network takes what is asked, loses what is answered, and is cut: a COMMIT whose outcome nobody saw."""
    assert proxy
    proxy.lose_answers_to(scene.chance.choice([b"commit", b"insert into ctgitops."]))
    watched.waited(scene.chance.uniform(0.2, 2))
    proxy.cut()


def read_only(scene: Scene, watched: Watched, _: Proxy | None) -> None:
    """The server turns read-only under a run, as one that became a standby."""
    with hands(scene) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("alter database {} set default_transaction_read_only = on").format(name))
        try:
            connection.execute(END_WORK.encode())
            watched.waited(PATIENCE)
        finally:
            connection.execute(sql.SQL("alter database {} reset default_transaction_read_only").format(name))


def another_password(scene: Scene, watched: Watched, _: Proxy | None) -> None:
    """The password is changed, and the run's connections are ended, as who rotates a secret does."""
    with hands(scene) as connection:
        right = connection.info.password
        try:
            connection.execute("alter role postgres password 'changed in between'")
            connection.execute((END_ALL if scene.chance.randrange(2) else END_WORK).encode())
            watched.waited(PATIENCE)
        finally:
            connection.execute(sql.SQL("alter role postgres password {}").format(sql.Literal(right)))


def no_connection_left(scene: Scene, watched: Watched, _: Proxy | None) -> None:
    """Others take every connection that the server has, and the run loses its own."""
    until = time.monotonic() + scene.chance.uniform(1, 3)
    with contextlib.ExitStack() as others, hands(scene) as connection:
        while time.monotonic() < until and watched.waited(0.01):
            with contextlib.suppress(CtgitopsError):
                while True:
                    others.enter_context(contextlib.closing(session(scene.url)))
            connection.execute(END_WORK.encode())
