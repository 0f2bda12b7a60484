"""A finished backup, as its receipt describes it, and the drills that restored it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...lazy import dataclass, regex
from ..ledger.ledger import Ledger, Mark

if TYPE_CHECKING:
    from ..receipt import Receipt
    from .drill import Drill

BACKUP_ID = regex(r"(?P<time>[0-9]{8}T[0-9]{6}Z)-(?P<environment>.+)-[0-9a-f]{8}")
"""Matches the ID of a backup, such as `20261123T141502Z-production-1f2e3d4c`."""


LONG_AGO = datetime.min.replace(tzinfo=UTC)


def environment_of(backup: str) -> str:
    """The environment that an ID names. Empty if `backup` is not an ID."""
    found = BACKUP_ID.fullmatch(backup)
    return found["environment"] if found else ""


@dataclass(frozen=True)
class StoredBackup:
    """A backup with a receipt. If the receipt cannot be read, only `id`, `location` and `unreadable` are set."""

    id: str
    location: str
    unreadable: str = ""
    """Why the backup's receipt cannot be read."""
    environment: str = ""
    database: str = ""
    server_version: str = ""
    taken_at: datetime = LONG_AGO
    """When the backup began. The dumped snapshot is not older."""
    bytes: int = 0
    """The backup's size in the store, in bytes."""
    tables: int = 0
    rows: int = 0
    proof: str = ""
    """The server on which the backup was restored."""
    stored_proof: str = ""
    ledger_id: str = ""
    """The ID of the ledger in the database that was saved. Empty if unknown."""
    locked_until: datetime | None = None
    """Until when the store refuses a deletion. None without a lock."""
    encrypted: bool = False
    whole: bool = True
    """Whether the backup has the rows of all tables."""
    exported: tuple[str, ...] = ()
    """The tables that are also stored as files of CSV or Parquet."""
    drills: tuple[Drill, ...] = ()
    """The backup's drills, oldest first."""

    @classmethod
    def of(cls, receipt: Receipt, location: str, drills: tuple[Drill, ...] = ()) -> StoredBackup:
        """The backup with this receipt."""
        return cls(
            id=receipt.id,
            location=location,
            environment=receipt.environment,
            database=receipt.database,
            server_version=receipt.server_version,
            taken_at=receipt.started_at,
            bytes=sum(each.bytes for each in (receipt.stored or receipt.saved_files).values()),
            tables=len(receipt.rows),
            rows=sum(receipt.rows.values()),
            proof=receipt.proof,
            stored_proof=receipt.stored_proof,
            ledger_id=receipt.ledger_id,
            locked_until=datetime.fromisoformat(receipt.locked_until) if receipt.locked_until else None,
            encrypted=bool(receipt.encrypted_to),
            whole=receipt.scope == "database",
            exported=tuple(receipt.exported),
            drills=drills,
        )

    @property
    def second(self) -> str:
        """The time in the backup's ID, to the second. The backup began at this time."""
        found = BACKUP_ID.fullmatch(self.id)
        return found["time"] if found else ""

    def migrations_after(self, ledger: Ledger) -> tuple[str, ...]:
        """The migrations that were applied or rolled back after the backup began, in order."""
        return tuple(
            entry.name if entry.mark is Mark.APPLIED else f"{entry.name} ({entry.mark})"
            for entry in ledger.entries
            if entry.number is not None
            and entry.mark in {Mark.APPLIED, Mark.ROLLED_BACK}
            and entry.finished_at
            and entry.finished_at > self.taken_at
        )
