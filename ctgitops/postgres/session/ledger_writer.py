"""Adds single entries to the ledger: for a repair, for an adoption, or for a failed step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from psycopg.pq import Escaping

from ...lazy import dataclass
from ..connection.identity import home_sql, read_identity
from ..ledger.ledger import insert_sql
from ..ledger.ledger_errors import add_entry
from ..nontransactional.stepwise import author_of

if TYPE_CHECKING:
    from ...core.gate.request import Request
    from ...core.ledger.ledger import Entry
    from ...core.ledger.resumption import ProgressState
    from ...core.plan.plan import Step
    from ..connection.connect import Address, Connection
    from .migration_connection import MigrationConnection


@dataclass(frozen=True)
class LedgerWriter:
    """Writes to the ledger on the run's connection. Each method raises ApplyError if the run lock is lost."""

    address: Address
    request: Request
    work: MigrationConnection
    assert_lock_held: Callable[[], None]

    def record(self, entry: Entry, in_step: str = "") -> None:
        """Adds an entry. The statements `in_step` also write to the ledger of another tool. Writes."""
        self._add(self._connected(), entry, *([in_step.rstrip("; ")] if in_step else []))

    def correct(self, step: Step, position: int, reached: ProgressState, entry: Entry) -> None:
        """Records whether one statement of an unfinished step is done, and adds `entry` to the ledger. Writes."""
        connection = self._connected()
        begun = self.work.ledger().unfinished[step.number]
        self._add(
            connection, entry, author_of(connection, begun.id, step).row(reached, position, note=entry.error or "")
        )

    def adopt(self, entry: Entry, ledger_id: str) -> None:
        """Makes this database, with the given ledger ID, the environment's home. Adds `entry` to the ledger. Writes."""
        connection = self._connected()
        name, reason = self.request.environment.name, entry.error or ""
        self._add(connection, entry, home_sql(connection, name, read_identity(connection).identity, ledger_id, reason))

    def _connected(self) -> Connection:
        self.assert_lock_held()
        return self.work.connected()

    def _add(self, connection: Connection, entry: Entry, *before: str) -> None:
        insert = insert_sql(self.request.origin.signed(entry), Escaping(connection.pgconn), timed=False)
        add_entry(connection, self.address, *before, insert)
