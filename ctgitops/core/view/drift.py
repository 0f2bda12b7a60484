"""Drift: the differences between a live schema and the schema that the migrations in its ledger produce."""

from __future__ import annotations

from dataclasses import dataclass

from ..environment.environment import Environment
from ..schema.compare import Changes
from .preview import Unseen


@dataclass(frozen=True)
class Drift:
    """One environment, looked at."""

    environment: Environment
    changes: Changes
    """From what the ledger's migrations give to what is there."""
    migrations: int = 0
    """How many the database has."""
    ignored: int = 0
    """Differences that the manifest's `drift: {ignore: …}` names."""
    accepted: int = 0
    """Differences that were there when the database was taken over, and were accepted then."""
    unmatched: tuple[str, ...] = ()
    """In what the throw-away server is not like the live one."""
    fingerprint: str = ""
    """Of the live schema."""

    @property
    def exit_status(self) -> int:
        """1 where there is any."""
        return 1 if self.changes else 0


DriftLook = Drift | Unseen


def exit_status(looks: tuple[DriftLook, ...]) -> int:
    """That of the first environment that could not be looked at; else 1 where one has drifted."""
    unseen = [look.exit_status for look in looks if isinstance(look, Unseen)]
    return unseen[0] if unseen else max((look.exit_status for look in looks), default=0)
