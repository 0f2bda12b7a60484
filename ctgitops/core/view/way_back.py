"""How to undo a pull request's migrations in one environment: by a rollback, or from an earlier backup. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from ...lazy import dataclass
from ..recovery_point import RecoveryPoint

if TYPE_CHECKING:
    from ..ledger.ledger import Entry, Ledger


@dataclass(frozen=True)
class BackupNote:
    """A backup that the ledger names."""

    id: str
    taken_at: str = ""
    """The recovery point, as ISO 8601. A restore loses all later writes."""
    restore_with: str = ""
    """The command that restores the backup."""
    vanishes: bool = False
    """Whether the backup was deleted with the runner after its job."""

    @classmethod
    def of(cls, receipt: str) -> BackupNote | None:
        """Parses the receipt in a ledger entry. None if the receipt is missing or cannot be parsed."""
        try:
            found: Any = json.loads(receipt) if receipt else None
            texts = (str(found["id"]), str(found.get("finished_at", "")), str(found.get("restore_with", "")))
            return cls(*texts, bool(found.get("vanishes")))
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


@dataclass(frozen=True)
class WayBack:
    """The rollback that undoes a pull request, and the backup from before the pull request."""

    to: str
    """The last migration that the rollback keeps. `0` if it keeps none."""
    undone: tuple[str, ...]
    """The migrations of the pull request that the rollback undoes, newest first."""
    others: tuple[str, ...] = ()
    """Migrations of other pull requests that were applied later. The rollback also undoes these migrations."""
    irreversible: tuple[str, ...] = ()
    """The migrations without rollback SQL in the ledger. Only a restore of the backup undoes them."""
    backup: BackupNote | None = None
    """The backup from before the first migration of the pull request. None if no backup was taken."""
    pitr: str = ""
    """The recovery point from before the pull request, as text. Empty if no point was recorded."""


def way_back(names: Collection[str], ledger: Ledger) -> WayBack | None:
    """The rollback that undoes the applied migrations among `names`. None if none of `names` is applied."""
    order = ledger.in_order
    first = next((index for index, entry in enumerate(order) if entry.name in names), None)
    if first is None:
        return None
    gone = order[first:][::-1]
    point = RecoveryPoint.of(order[first].receipt)
    return WayBack(
        order[first - 1].name if first else "0",
        _names(entry for entry in gone if entry.name in names),
        _names(entry for entry in gone if entry.name not in names),
        _names(entry for entry in gone if not entry.rollback_sql),
        BackupNote.of(order[first].receipt or ""),
        point.text if point else "",
    )


def _names(entries: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(entry.name for entry in entries)
