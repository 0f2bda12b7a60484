"""Reads from a database the facts that decide which of its backups may be removed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...core.backup.retention import RetentionFacts
from ...core.backup.stored_backup import LONG_AGO
from ..connection.connect import Address, connected
from .database import PostgresDatabase

if TYPE_CHECKING:
    from ...core.environment.environment import Environment


def retention_facts(
    environment: Environment, address: Address, others: Mapping[str, Address] | None = None
) -> RetentionFacts:
    """Reads the ledgers, the current run and the clock. Read-only, takes no lock. Raises CtgitopsError.

    `others` contains the other environments with the same backup destination. Their ledgers may refer to backups of
    this environment.

    Uses the earlier time of two clocks: the clock of this machine and the clock of the server. A wrong clock then does
    not make backups look older.
    """
    database = PostgresDatabase(address)
    holder = database.holder()
    with connected(address, "ctgitops/read") as connection:
        row = connection.execute("select extract(epoch from pg_catalog.clock_timestamp())").fetchone()
    clock = datetime.fromtimestamp(float(str(row[0])), UTC) if row else LONG_AGO
    # If this role may not see when the session of a run began, every backup may be the run's
    began = None if holder is None else holder.began or LONG_AGO
    ledgers = {name: PostgresDatabase(other).ledger() for name, other in (others or {}).items()}
    return RetentionFacts(environment, database.ledger(), min(datetime.now(UTC), clock), ledgers, began)
