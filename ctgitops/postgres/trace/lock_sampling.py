"""Samples the locks of a session during a statement outside a transaction.

Most of these statements end within milliseconds on a throw-away server. Therefore, another session first locks their
tables in the mode SHARE UPDATE EXCLUSIVE, which conflicts with itself and with all stronger modes. The statement then
waits for this lock, and the locks that it holds or waits for are visible.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from ..catalog.relations import MODES

if TYPE_CHECKING:
    from ...sql.locks import LockMode
    from ..connection.connect import Connection

LONGEST_HOLD_SECONDS = 0.2
POLL_SECONDS = 0.0005
_LOCKS = """
select l.relation::int8, l.mode, l.granted from pg_locks l
where l.pid = %s and (l.relation >= 16384 and l.locktype = 'relation' or not l.granted)
"""
_TABLES = """
select n.nspname::text, c.relname::text
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = any (%s) and c.relkind in ('r', 'p')
"""


class Sampler(threading.Thread):
    """Samples the locks of the backend `pid` until `stop` is called. First locks `tables`, to make the backend wait."""

    def __init__(self, open_connection: Callable[[], Connection], pid: int, tables: Sequence[int]) -> None:
        super().__init__(daemon=True)
        self.seen: dict[int, LockMode] = {}
        """Maps OIDs to the strongest lock that the backend held or waited for on each relation."""
        self.failure: psycopg.Error | None = None
        """The error that ended the sampling early."""
        self._pid = pid
        self._over = threading.Event()
        self._open = ExitStack()
        self._observer = self._open.enter_context(open_connection())
        self._resolver = self._open.enter_context(open_connection())
        self._holds = self._hold(tables)
        self._until = time.monotonic() + LONGEST_HOLD_SECONDS

    def stop(self) -> dict[int, LockMode]:
        """Stops sampling. Returns a map from OIDs to the strongest lock on each relation."""
        self._over.set()
        self.join()
        self._open.close()
        return self.seen

    def run(self) -> None:
        """Samples until `stop` is called or the connection fails."""
        try:
            while not self._over.is_set():
                waits = self._sample()
                if self._holds and (waits or time.monotonic() > self._until):
                    self._resolver.execute("rollback")
                    self._holds = False
                time.sleep(POLL_SECONDS)
        except psycopg.Error as error:
            self.failure = error
            self._open.close()  # the lock of an open connection would block the traced statement forever

    def _sample(self) -> bool:
        waits = False
        for oid, mode, granted in self._observer.execute(_LOCKS, [self._pid]).fetchall():
            waits = waits or not granted
            if oid is not None:
                number, lock = int(str(oid)), MODES[str(mode)]
                self.seen[number] = max(lock, self.seen.get(number, lock))
        return waits

    def _hold(self, tables: Sequence[int]) -> bool:
        names = self._resolver.execute(_TABLES, [list(tables)]).fetchall() if tables else []
        if not names:
            return False
        only = sql.SQL("only {}")
        listed = sql.SQL(", ").join(only.format(sql.Identifier(str(schema), str(name))) for schema, name in names)
        self._resolver.execute("begin")
        try:
            self._resolver.execute(sql.SQL("lock table {} in share update exclusive mode nowait").format(listed))
        except psycopg.Error:
            self._resolver.execute("rollback")
            return False
        return True
