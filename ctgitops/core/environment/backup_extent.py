"""The extent of one backup: the data that the manifest's scope selects for one plan. Pure."""

from __future__ import annotations

from ...lazy import dataclass
from .environment import BackupScope

SHOWN = 10


@dataclass(frozen=True)
class BackupExtent:
    """The data that one backup saves, and the plan that the backup precedes."""

    scope: BackupScope = BackupScope.DATABASE
    tables: tuple[str, ...] = ()
    """The tables whose rows the scope `affected` saves. Each table is `schema.name`, quoted as SQL requires."""
    plan: str = ""
    """The fingerprint of the plan that the backup precedes. Empty for a backup that a user takes without a plan."""
    migrations: tuple[str, ...] = ()
    """The names of the plan's migrations."""
    why_all: str = ""
    """Why the whole database is saved although the manifest says `affected`. Otherwise empty."""

    @property
    def whole(self) -> bool:
        """Whether the backup saves the whole database."""
        return self.scope is BackupScope.DATABASE

    @property
    def saved(self) -> str:
        """What is saved, as text."""
        if self.scope is BackupScope.SCHEMA:
            return "all definitions, and only the rows of the ledger"
        if self.whole:
            return f"the whole database{f', because {self.why_all},' if self.why_all else ''}"
        more = f" and {len(self.tables) - SHOWN} more" if len(self.tables) > SHOWN else ""
        names = f": {', '.join(f'`{name}`' for name in self.tables[:SHOWN])}{more}" if self.tables else ""
        tables = "1 table" if len(self.tables) == 1 else f"{len(self.tables)} tables"
        return f"the definitions that a restore needs, and the rows of the ledger and of {tables}{names},"

    @property
    def not_saved(self) -> tuple[str, ...]:
        """The data that the backup does not save. Empty if the backup saves the whole database."""
        if self.whole:
            return ()
        others = ", most of their definitions" if self.scope is BackupScope.AFFECTED else ""
        return (f"the rows of all other tables{others}, and large objects (`scope: {self.scope.value}`)",)

    @classmethod
    def without_plan(cls, scope: BackupScope) -> BackupExtent:
        """The extent of a backup that a user takes without a plan."""
        if scope is BackupScope.AFFECTED:
            return cls(why_all="it was taken by hand, without a plan")
        return cls(scope)
