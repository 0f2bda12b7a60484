"""Drift: differences between a live schema and the schema that the migrations in its ledger produce.

This module contains the results, with those of a comparison with the predecessor. `drift_of` in commands/drift.py and
commands/replaying/predecessor.py compute the results.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from ...lazy import dataclass
from .preview import NotPlanned

if TYPE_CHECKING:
    from ...errors import CtgitopsError
    from ..environment.environment import Environment
    from ..schema.compare import Changes


class ComparisonState(StrEnum):
    """What a comparison with the predecessor found."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class PredecessorComparison:
    """How an environment differs from its predecessor, apart from what migrations explain."""

    predecessor: str
    changes: Changes = ()
    """Changes from the predecessor's schema to the environment's, at the predecessor's migrations."""
    pending: tuple[str, ...] = ()
    """The migrations that only the predecessor has."""
    ahead: tuple[str, ...] = ()
    """The migrations that only the environment has."""
    edited: tuple[str, ...] = ()
    """The migrations that both have, with different SQL."""
    repeatable: tuple[str, ...] = ()
    """The repeatable files whose newest runs differ, or that only one of the two ran."""
    drifted: tuple[tuple[str, int], ...] = ()
    """The environments that differ from their own ledgers, and the number of these differences."""
    unmatched: tuple[str, ...] = ()
    error: CtgitopsError | None = None
    """The reason why the result is unknown."""
    optional: bool = False
    """Whether an unknown result is not a failure, because the URL of the predecessor is not set."""

    @property
    def state(self) -> ComparisonState:
        """The result."""
        if self.error:
            return ComparisonState.UNKNOWN
        return ComparisonState.DIFFERENT if self.changes else ComparisonState.SAME

    @property
    def exit_status(self) -> int:
        """1 if the schemas differ, or the exit status of the error. 0 if the URL of the predecessor is not set."""
        if self.error:
            return 0 if self.optional else self.error.exit_status
        return 1 if self.changes else 0


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

    comparison: PredecessorComparison | None = None
    """The comparison with the predecessor. None if the manifest has no `after`, or if it was not requested."""

    @property
    def exit_status(self) -> int:
        """1 if the schema has drifted. Otherwise the exit status of the comparison with the predecessor."""
        if self.changes:
            return 1
        return self.comparison.exit_status if self.comparison else 0

    @property
    def unknown(self) -> CtgitopsError | None:
        """Why the comparison with the predecessor failed. None if it did not fail."""
        return self.comparison.error if self.comparison and not self.comparison.optional else None


DriftResult = Drift | NotPlanned


def exit_status(results: tuple[DriftResult, ...]) -> int:
    """The exit status of the first environment that could not be checked. Otherwise 1 if there is drift, or 0."""
    unseen = [
        error.exit_status
        for result in results
        if (error := result.error if isinstance(result, NotPlanned) else result.unknown)
    ]
    return unseen[0] if unseen else max((result.exit_status for result in results), default=0)
