"""The database of one environment: read without a lock, and changed only while holding the run lock."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping

from ...core.activity.lock_holder import HEARTBEAT_SECONDS, Holder
from ...core.environment.environment import Timeouts
from ...core.gate.data_loss import CountedLoss, Loss
from ...core.gate.request import Request
from ...core.ledger.ledger import Ledger
from ...core.run.progress import Listener
from ...core.schema.snapshot import Snapshot
from ...core.schema.source_database import SourceDatabase
from ...core.trial.projection import Size
from ...core.trial.violation import Risk, Violation
from ...core.view.constraint_check import Checked
from ...core.view.verify import Refuted
from ...sql.script import Script
from ..catalog.constraint_check import checked_at
from ..catalog.not_dumped import not_dumped
from ..catalog.schema_snapshot import take_snapshot
from ..catalog.source_database import original_at
from ..catalog.table_stats import sizes
from ..catalog.violations import Looker
from ..connection.connect import NOTICES_US, Address, Connection, connect, told_if_lost
from ..connection.deferred_sigint import undisturbed
from ..connection.names import WORK
from ..connection.pooler import ARRIVES, refuse_pooler
from ..connection.session_settings import english
from ..ledger.ledger import ensure_ledger, read_ledger
from ..lock.heartbeat import Heartbeat
from ..lock.run_lock import Lease, end, holder_of, still_held, take
from .data_loss import SETTINGS, weigh
from .session import WorkSession
from .verify import refuted_at

_IDLE = {"idle_session_timeout": "0"}
"""The lock's connection does nothing for as long as a migration takes, and the other one while the backup is taken."""
_OURS = {
    "search_path": "pg_catalog",
    "statement_timeout": "60s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "0",
}
"""Where only our own SQL runs, nothing that a role or a database put on its search path is met, and no timeout of
theirs, which may be those of a web application."""


class PostgresDatabase:
    """The database at `address`."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def ledger(self) -> Ledger:
        """All entries. Read-only, takes no lock."""
        settings = {"default_transaction_read_only": "on", **_OURS}
        with connect(self._address, "ctgitops/read", settings) as connection, told_if_lost(self._address):
            return read_ledger(connection, self._address)

    def snapshot(self) -> Snapshot:
        """Its schema, all of one moment. Read-only, takes no lock."""
        return take_snapshot(self._address)

    def original(self) -> SourceDatabase:
        """All that makes a throw-away database like it. Read-only."""
        return original_at(self._address)

    def holder(self) -> Holder | None:
        """Who holds the run lock. Read-only, takes no lock."""
        with connect(self._address, "ctgitops/read", _OURS) as connection, told_if_lost(self._address):
            return holder_of(connection)

    def end(self, holder: Holder) -> bool:
        """Ends that run's sessions, nobody else's; whether its lock is free now. Writes."""
        with connect(self._address, "ctgitops/unlock", _OURS) as connection, told_if_lost(self._address):
            return end(connection, holder)

    def not_dumped(self) -> tuple[str, ...]:
        """What it holds that a dump leaves out, a line each with the reason. Read-only, takes no lock."""
        settings = {"default_transaction_read_only": "on", **_OURS}
        with connect(self._address, "ctgitops/read", settings) as connection, told_if_lost(self._address):
            return not_dumped(connection)

    def refuted(self, queries: tuple[Script, ...]) -> tuple[Refuted, ...]:
        """Of these verify queries those that are not true. Read-only, takes no lock."""
        return refuted_at(self._address, queries) if queries else ()

    def checked(self) -> tuple[Checked, ...]:
        """Every constraint and unique index with the rows that break it. Read-only; reads whole tables, for minutes."""
        return checked_at(self._address)

    def weigh(self, losses: tuple[Loss, ...]) -> tuple[CountedLoss, ...]:
        """How much data each of them is. Read-only, waits for no lock."""
        if not losses:
            return ()
        with connect(self._address, "ctgitops/read", SETTINGS) as connection, told_if_lost(self._address):
            return weigh(connection, losses)

    def violations(self, risks: tuple[Risk, ...], keys: bool) -> tuple[Violation, ...]:  # noqa: FBT001 - see ports/database.py
        """How many rows would make each fail, with `keys` of a few. Read-only, waits for no lock."""
        if not risks:
            return ()
        with connect(self._address, "ctgitops/read", SETTINGS) as connection, told_if_lost(self._address):
            return tuple(Looker(connection, keys).look(risks))

    def sizes(self, tables: tuple[str, ...]) -> dict[str, Size]:
        """How large those of these tables are that are there. Read-only, takes no lock."""
        if not tables:
            return {}
        with connect(self._address, "ctgitops/read", SETTINGS) as connection, told_if_lost(self._address):
            return sizes(connection, tables)

    @contextlib.contextmanager
    def exclusively(self, request: Request, tell: Listener) -> Iterator[WorkSession]:
        """Takes the run lock on a connection of its own and makes or upgrades the ledger. Writes."""
        with connect(self._address, "ctgitops/lock", {**_IDLE, **_OURS, **ARRIVES, **NOTICES_US}) as lock:
            with told_if_lost(self._address):
                refuse_pooler(lock, self._address, lambda: connect(self._address, "ctgitops/read", _OURS))
                take(lock, self._address, request, tell)
                ensure_ledger(lock, self._address, request.environment, self._search_path)
                language = english(lock)
            lease = Lease(lock, request)
            lease.write()
            session = WorkSession(
                self._address,
                request,
                open_connection=lambda: self._open_for_work(request.environment.timeouts, language),
                hold=lambda: still_held(lock),
                tell=tell,
            )
            session.note = lease.note
            try:
                with Heartbeat(lease.write, HEARTBEAT_SECONDS):
                    yield session
            except KeyboardInterrupt:
                if (stopped := session.stopped()) is not None:
                    raise stopped from None
                raise
            finally:
                # How it ended is known where it failed: a late signal must not take the place of that
                with undisturbed(dropped=sys.exc_info()[0] is not None):
                    session.close()
                    lease.ended()

    def _search_path(self) -> str:
        """The search path that a session of this role has by itself: `lock` has one of ours."""
        with connect(self._address, "ctgitops/read") as connection:
            row = connection.execute("select pg_catalog.current_setting('search_path')").fetchone()
        return str(row[0]) if row else ""

    def _open_for_work(self, timeouts: Timeouts, language: Mapping[str, str]) -> Connection:
        settings = {
            **_IDLE,
            "lock_timeout": f"{round(timeouts.lock.total_seconds() * 1000)}ms",
            "statement_timeout": f"{round(timeouts.statement.total_seconds() * 1000)}ms",
            "idle_in_transaction_session_timeout": "0",
            "client_connection_check_interval": "2s",
            **NOTICES_US,
            **language,
        }
        return connect(self._address, WORK, settings)
