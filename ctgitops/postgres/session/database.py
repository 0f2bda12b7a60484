"""The database of one environment. Methods that change the database need the run lock, and other methods do not.

Each method imports its own implementation, so that `status` does not wait for the import of what an apply needs.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from ...core.activity.lock_holder import HEARTBEAT_SECONDS, Holder
from ...errors import Place, UsageError, is_stop
from ..connection.connect import SERVER_KEEPALIVES, Address, connect, connected, lost_as_error
from ..connection.effective_settings import english
from ..connection.pooler import SETTINGS_PROBE, refuse_pooler
from ..connection.set_role import as_role, refuse_other_role
from ..connection.uninterrupted_cleanup import uninterrupted_cleanup
from ..ledger.ledger import asking, ensure_ledger, read_ledger, read_settled
from ..ledger.one_round_trip import LedgerQuery

if TYPE_CHECKING:
    from ...core.activity.run_activity import RunActivity
    from ...core.environment.apply_policy import Health
    from ...core.gate.data_loss import CountedLoss, Loss
    from ...core.gate.health import HealthResult
    from ...core.gate.request import Request
    from ...core.impact.size import Size
    from ...core.ledger.foreign_ledger import ForeignLedger
    from ...core.ledger.ledger import Ledger
    from ...core.run.progress import Listener
    from ...core.schema.database_roles import DatabaseRoles
    from ...core.schema.snapshot import Snapshot
    from ...core.schema.source_database import SourceDatabase
    from ...core.trial.violation import Risk, Violation
    from ...core.view.constraint_check import Checked
    from ...core.view.verify import Refuted
    from ...sql.script import Script
    from ..connection.connect import Connection
    from ..lock.run_lock import Lease
    from ..statistics.statistics import PostgresStatistics
    from .session import WorkSession

_OURS = {
    "search_path": "pg_catalog",
    "statement_timeout": "60s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "0",
}
"""Settings for sessions that run only ctgitops's own SQL.

These settings override the settings of the role and the database, which may be meant for a web application.
"""


class PostgresDatabase:
    """The database at `address`. Its migrations run as `role`, or as the URL's role by default."""

    def __init__(self, address: Address, role: str = "") -> None:
        self._connects = address
        self._role = role
        self._observing: Connection | None = None

    @cached_property
    def _address(self) -> Address:
        """The address. Includes the role that applies, if the role of the URL may SET ROLE to it."""
        return as_role(self._connects, self._role)

    def ledger(self) -> Ledger:
        """Reads all entries. Read-only, takes no lock. In the block of `observed`, uses its connection."""
        if self._observing:
            with lost_as_error(self._address):
                return read_ledger(self._observing, self._address)
        settings = {"default_transaction_read_only": "on", **_OURS}
        with connected(self._address, "ctgitops/read", settings) as connection:
            return read_ledger(connection, self._address)

    def foreign_ledgers(self, version_parts: int) -> tuple[ForeignLedger, ...]:
        """Reads the ledgers of other tools. Read-only."""
        from ..ledger.foreign_ledgers import foreign_ledgers

        settings = {"default_transaction_read_only": "on", **_OURS}
        with connected(self._address, "ctgitops/read", settings) as connection:
            return foreign_ledgers(connection, version_parts)

    def snapshot(self) -> Snapshot:
        """Reads the schema at a single point in time. Read-only, takes no lock."""
        from ..catalog.schema_snapshot import take_snapshot

        return take_snapshot(self._address)

    def original(self) -> SourceDatabase:
        """Reads what a throw-away copy of the database needs. Read-only."""
        from ..catalog.source_database import original_at

        return original_at(self._address, self._role)

    def statistics(self) -> PostgresStatistics:
        """The statistics of the database, and the load that earlier runs recorded."""
        from ..statistics.statistics import PostgresStatistics

        return PostgresStatistics(self._address)

    def server_objects(self) -> Snapshot:
        """The database, its roles, their memberships, and the settings of each. Read-only, takes no lock."""
        from ..catalog.database_roles import server_objects

        with connected(self._address, "ctgitops/read", {"default_transaction_read_only": "on", **_OURS}) as connection:
            return server_objects(connection)

    def roles(self) -> DatabaseRoles:
        """The owners of the objects in the database, and its provider. Read-only, takes no lock."""
        from ..catalog.database_roles import database_roles

        with connected(self._address, "ctgitops/read", {"default_transaction_read_only": "on", **_OURS}) as connection:
            return database_roles(connection)

    def pooler(self) -> UsageError | None:
        """The error that `exclusively` raises if there is a connection pooler. Otherwise None. Read-only, no lock."""
        with connected(self._address, "ctgitops/read", {**_OURS, **SETTINGS_PROBE}) as connection:
            try:
                refuse_pooler(connection, self._address, lambda: connect(self._address, "ctgitops/read", _OURS))
            except UsageError as error:
                return error
        return None

    def probe(self, health: Health) -> HealthResult:
        """Runs a health query once. Read-only."""
        from .health import probe

        return probe(self._address, health)

    def holder(self) -> Holder | None:
        """The run that holds the run lock. None if the lock is free. Read-only, takes no lock."""
        from ..lock.run_lock import holder_of

        with connected(self._address, "ctgitops/read", _OURS) as connection:
            return holder_of(connection)

    @contextlib.contextmanager
    def observed(self) -> Iterator[Callable[[], RunActivity | None]]:
        """Yields a function that observes the run that holds the run lock. Read-only, takes no lock."""
        from ..watch.observer import RunObserver

        settings = {"default_transaction_read_only": "on", **_OURS}
        with connected(self._address, "ctgitops/read", settings) as connection:
            self._observing = connection
            try:
                yield RunObserver(connection).look
            finally:
                self._observing = None

    def end(self, holder: Holder) -> bool:
        """Terminates only the sessions of the run `holder`. Returns whether the run lock is free afterwards. Writes."""
        from ..lock.run_lock import end

        with connected(self._address, "ctgitops/unlock", _OURS) as connection:
            return end(connection, holder)

    def not_dumped(self) -> tuple[str, ...]:
        """Objects that a dump leaves out, one line each with the reason. Read-only, takes no lock."""
        from ..catalog.dump_advice import not_dumped

        settings = {"default_transaction_read_only": "on", **_OURS}
        with connected(self._address, "ctgitops/read", settings) as connection:
            return not_dumped(connection)

    def not_exportable(self, tables: tuple[str, ...]) -> tuple[str, ...]:
        """The tables that a backup cannot export, each with the reason. Read-only, takes no lock."""
        from ..catalog.table_export import not_exportable

        settings = {"default_transaction_read_only": "on", **_OURS}
        with connected(self._address, "ctgitops/read", settings) as connection:
            return not_exportable(connection, tables)

    def refuted(self, queries: tuple[Script, ...]) -> tuple[Refuted, ...]:
        """The verify queries that fail or do not return true. Runs each in a read-only transaction. Takes no lock."""
        from ...core.view.verify import Refuted
        from ..connection.cancellable_query import exchange
        from ..transaction.execute import verify
        from ..transaction.step_failure import StepFailed

        found: list[Refuted] = []
        if not queries:
            return ()
        with connected(self._address, "ctgitops/verify", {"default_transaction_read_only": "on"}) as connection:
            for script in queries:
                exchange(connection, "begin read only")
                try:
                    verify(connection, script)
                except StepFailed as failed:
                    place = failed.spot.place or Place(script.path)
                    found.append(Refuted(self._address.hidden(failed.failure.message), place))
                exchange(connection, "rollback")
        return tuple(found)

    def checked(self) -> tuple[Checked, ...]:
        """Checks every constraint and unique index for violating rows. Read-only. Reads whole tables for minutes."""
        from ..catalog.constraint_check import checked_at

        return checked_at(self._address)

    def count_losses(self, losses: tuple[Loss, ...]) -> tuple[CountedLoss, ...]:
        """For each loss, counts the rows that are destroyed. Read-only, waits for no lock."""
        from .data_loss import count_losses

        return count_losses(self._address, losses)

    def violations(self, risks: tuple[Risk, ...], keys: bool) -> tuple[Violation, ...]:  # noqa: FBT001 - the port defines this signature
        """For each risk, counts the violating rows. With `keys`, also returns some keys. Read-only, awaits no lock."""
        from ..catalog.violations import ViolationCounter
        from .data_loss import SETTINGS

        if not risks:
            return ()
        with connected(self._address, "ctgitops/read", SETTINGS) as connection:
            return tuple(ViolationCounter(connection, keys).count(risks))

    def sizes(self, tables: tuple[str, ...]) -> dict[str, Size]:
        """Maps each table in `tables` that exists to its size. Read-only, takes no lock."""
        from ..catalog.table_stats import sizes
        from .data_loss import SETTINGS

        if not tables:
            return {}
        with connected(self._address, "ctgitops/read", SETTINGS) as connection:
            return sizes(connection, tables)

    @contextlib.contextmanager
    def exclusively(self, request: Request, tell: Listener) -> Iterator[WorkSession]:
        """Holds the run lock on a separate connection until the block ends. Creates or upgrades the ledger. Writes."""
        from .migration_connection import STAYS_IDLE, connect_with_timeouts
        from .session import WorkSession

        refuse_other_role(self._address, self._role)
        with connect(
            self._address, "ctgitops/lock", {**STAYS_IDLE, **_OURS, **SETTINGS_PROBE, **SERVER_KEEPALIVES}
        ) as lock:
            with lost_as_error(self._address):
                lease, first_ledger = self._locked(lock, request, tell)
            lease.write()
            timeouts = request.environment.timeouts
            memory = request.environment.apply_policy.maintenance_work_mem
            settings = {"maintenance_work_mem": memory} if memory else {}
            session = WorkSession(
                self._address,
                request,
                open_connection=lambda: connect_with_timeouts(self._address, timeouts, {**english(lock), **settings}),
                lease=lease,
                tell=lease.publishing(tell),
                first_ledger=first_ledger,
            )
            try:
                with lease.heartbeat(HEARTBEAT_SECONDS):
                    yield session
            except KeyboardInterrupt:
                if (stopped := session.stopped()) is not None:
                    raise stopped from None
                raise
            finally:
                # A signal during the clean-up must not replace the error that is being raised
                with uninterrupted_cleanup(dropped=sys.exc_info()[0] is not None):
                    session.close()
                    if not is_stop(sys.exc_info()[1]):  # a stopped run tells no receiver: the next run does
                        lease.ended()

    def _locked(self, lock: Connection, request: Request, tell: Listener) -> tuple[Lease, Ledger | None]:
        """Takes the run lock and makes the ledger ready. Returns the ledger if it was ready. Writes."""
        from ...core.run.progress import InterruptedRunFound
        from ..lock.run_lock import UNENDED, Lease, take

        refuse_pooler(lock, self._address, lambda: connect(self._address, "ctgitops/read", _OURS))
        facts = take(lock, self._address, request, tell)
        settled = read_settled(lock, facts, LedgerQuery(UNENDED)) if facts else None
        if not settled:
            ensure_ledger(lock, self._address, request.environment, self._search_path)
        lease, (ledger, unended) = Lease(lock, request), settled or (None, None)
        with asking(lock, self._address):
            interrupted = lease.find_interrupted(unended)
        if interrupted:
            tell(InterruptedRunFound(interrupted))
        return lease, ledger

    def _search_path(self) -> str:
        """The default search path of this role. Read on a new connection without `_OURS`, which would override it."""
        with connect(self._address, "ctgitops/read") as connection:
            row = connection.execute("select pg_catalog.current_setting('search_path')").fetchone()
        return str(row[0]) if row else ""
