"""Drift: differences between a live schema and the schema that the migrations in its ledger produce.

This module contains the results. `drift_of` in commands/drift.py computes the results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import dataclass
from .preview import NotPlanned

if TYPE_CHECKING:
    from ..environment.environment import Environment
    from ..schema.compare import Changes


@dataclass(frozen=True)
class Drift:
    """The drift of one environment."""

    environment: Environment
    changes: Changes
    """Changes from the schema that the ledger's migrations produce to the live schema."""
    migrations: int = 0
    """The number of applied migrations."""
    ignored: int = 0
    """The number of differences that `drift: {ignore: …}` in the manifest excludes."""
    accepted: int = 0
    """The number of differences that `baseline` accepted."""
    unmatched: tuple[str, ...] = ()
    """Known differences between the throw-away server and the live server."""
    fingerprint: str = ""
    """The fingerprint of the live schema."""

    @property
    def exit_status(self) -> int:
        """1 if the schema has drifted. Otherwise 0."""
        return 1 if self.changes else 0


DriftResult = Drift | NotPlanned


def exit_status(results: tuple[DriftResult, ...]) -> int:
    """The exit status of the first environment that could not be checked. Otherwise 1 if there is drift, or 0."""
    unseen = [result.exit_status for result in results if isinstance(result, NotPlanned)]
    return unseen[0] if unseen else max((result.exit_status for result in results), default=0)
