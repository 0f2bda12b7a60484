"""The deprecated tables and columns of an environment that no applied migration has dropped yet. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ...sql.tokens import code_words
from ..migration.deprecation import deprecations_in

if TYPE_CHECKING:
    from ..migration.migration import Migration
    from .ledger import Ledger


@dataclass(frozen=True)
class ListedDeprecation:
    """One deprecated table or column in one environment."""

    object: str
    after: str
    """The schema version or the day after which it may be dropped."""
    migration: str
    since: datetime | None
    """When the migration was applied. None if the ledger has no time."""

    def to_data(self) -> dict[str, str | None]:
        """The fields for JSON documents."""
        since = self.since.isoformat() if self.since else None
        return {"object": self.object, "remove_after": self.after, "migration": self.migration, "since": since}

    @property
    def text(self) -> str:
        """The deprecation in one line, such as `orders.note, remove after 1.8.0, deprecated by 007_note`."""
        return f"{self.object}, remove after {self.after}, deprecated by {self.migration}"


def listed_deprecations(migrations: Iterable[Migration], ledger: Ledger) -> tuple[ListedDeprecation, ...]:
    """The deprecations of the applied migrations, oldest first.

    An object counts as dropped if a later applied file has the word DROP and the object's names. The SQL is not parsed.
    """
    applied = [m for m in sorted(migrations, key=lambda m: m.number) if m.number in ledger.applied]
    found: dict[str, ListedDeprecation] = {}
    for migration in applied:
        if found:
            words = code_words(migration.up.sql)
            for name in [name for name in found if "drop" in words and words >= set(name.split("."))]:
                del found[name]
        entry = ledger.applied[migration.number]
        for each in deprecations_in(migration.up):
            at = entry.finished_at or entry.started_at
            found[each.object] = ListedDeprecation(each.object, str(each.after), migration.name, at)
    return tuple(found.values())
