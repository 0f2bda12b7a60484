"""The deprecated tables and columns of an environment that no applied migration has dropped yet. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ...sql.parse import SqlSyntaxError
from ...sql.tokens import code_words
from ..migration.deprecation import deprecations_in

if TYPE_CHECKING:
    from ...sql.script import Script
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

    An object counts as dropped if a statement of a later applied file drops it. A DROP in a DO block does not count.
    Only files that have the word DROP and a part of the object's name are parsed.
    """
    applied = [m for m in sorted(migrations, key=lambda m: m.number) if m.number in ledger.applied]
    found: dict[str, ListedDeprecation] = {}
    for migration in applied:
        if found:
            words = {word.lower() for word in code_words(migration.up.sql)}
            for name in [name for name in found if "drop" in words and words & set(name.split("."))]:
                if _drops(migration.up, name.split(".")):
                    del found[name]
        entry = ledger.applied[migration.number]
        for each in deprecations_in(migration.up):
            at = entry.finished_at or entry.started_at
            found[each.object] = ListedDeprecation(each.object, str(each.after), migration.name, at)
    return tuple(found.values())


def _drops(script: Script, names: list[str]) -> bool:
    """Whether a statement drops the table or column. `names` are the parts of its name."""
    try:
        removed = [each for statement in script.statements for each in statement.removes if not each.renamed_to]
    except SqlSyntaxError:
        return False
    return any(
        names[-2:] == [each.table.lower(), each.column.lower()] if each.column else each.table.lower() in names[-2:]
        for each in removed
    )
