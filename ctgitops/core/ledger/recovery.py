"""Decides how to recover from a statement that was begun and may not have completed. Pure: it queries no server.

The state of what a statement can leave behind is stored as text in the ledger's `progress` rows.
`before` is the state that was recorded before the statement began, or None if no run began it; `now` is the state now.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from ...sql.interruption import Leaving

_INDEX = re.compile(r"([0-9]+) (valid|invalid)")
_INDEXES = re.compile(r"[0-9]+(?:,[0-9]+)*")


@dataclass(frozen=True)
class Absent:
    """It does not exist; of indexes, there is none."""

    def __str__(self) -> str:
        return "absent"


@dataclass(frozen=True)
class Present:
    """It exists; for an index its OID, and whether it is valid."""

    oid: int | None = None
    valid: bool = True

    def __str__(self) -> str:
        return "present" if self.oid is None else f"{self.oid} {'valid' if self.valid else 'invalid'}"


@dataclass(frozen=True)
class DetachPending:
    """A partition whose detaching was interrupted."""

    def __str__(self) -> str:
        return "pending"


@dataclass(frozen=True)
class Indexes:
    """At least one index, where the statement does not name its own."""

    oids: frozenset[int]

    def __str__(self) -> str:
        return ",".join(map(str, sorted(self.oids)))


RelationState = Absent | Present | DetachPending | Indexes
ABSENT, PRESENT, DETACH_PENDING = Absent(), Present(), DetachPending()
_WORDS: dict[str, RelationState] = {str(state): state for state in (ABSENT, PRESENT, DETACH_PENDING)}


def parse_state(stored: str) -> RelationState | None:
    """The state that `str` made that text of; None for a text that no version wrote."""
    if match := _INDEX.fullmatch(stored):
        return Present(int(match[1]), match[2] == "valid")
    if _INDEXES.fullmatch(stored):
        return indexes(map(int, stored.split(",")))
    return _WORDS.get(stored)


def indexes(oids: Iterable[int]) -> RelationState:
    """The state of a list of indexes, which may be empty."""
    found = frozenset(oids)
    return Indexes(found) if found else ABSENT


def oids_in(state: RelationState | None) -> frozenset[int]:
    """The indexes of a list; none for any other state."""
    return state.oids if isinstance(state, Indexes) else frozenset()


class RecoveryAction(StrEnum):
    """How to recover."""

    RUN = "run"
    """Run it: it has done nothing yet, or nothing that a second run would harm."""
    DONE = "done"
    """Record it as done: it was completed."""
    CLEAN = "clean"
    """Remove the remains, then run it."""
    FINISH = "finish"
    """Complete it by another command."""
    ASK = "ask"
    """Ask the user: the state of the database does not decide it."""


def next_of(what: Leaving, before: RelationState | None, now: RelationState) -> RecoveryAction:
    """Decides how to recover from a statement that leaves `what`."""
    return _JUDGES[what](before, now)


def _index(before: RelationState | None, now: RelationState) -> RecoveryAction:
    if isinstance(now, Present) and not now.valid:
        return RecoveryAction.CLEAN
    if now == ABSENT or before is None or before == now:
        # the index existed before the statement: the server reports an error, or IF NOT EXISTS skips it
        return RecoveryAction.RUN
    return RecoveryAction.DONE


def _dropped_index(before: RelationState | None, now: RelationState) -> RecoveryAction:
    if before is None or before == ABSENT:
        return RecoveryAction.RUN
    if now == ABSENT:
        return RecoveryAction.DONE
    same = isinstance(before, Present) and isinstance(now, Present) and before.oid == now.oid
    return RecoveryAction.RUN if same else RecoveryAction.ASK


def _reindexed(before: RelationState | None, now: RelationState) -> RecoveryAction:
    return RecoveryAction.CLEAN if before is not None and new_ones(before, now) else RecoveryAction.RUN


def _detached(before: RelationState | None, now: RelationState) -> RecoveryAction:
    return RecoveryAction.FINISH if now == DETACH_PENDING else _dropped(before, now)


def _created(before: RelationState | None, now: RelationState) -> RecoveryAction:
    return RecoveryAction.DONE if before == ABSENT and now == PRESENT else RecoveryAction.RUN


def _dropped(before: RelationState | None, now: RelationState) -> RecoveryAction:
    return RecoveryAction.DONE if before not in {None, ABSENT} and now == ABSENT else RecoveryAction.RUN


def _anything(before: RelationState | None, _now: RelationState) -> RecoveryAction:
    return RecoveryAction.RUN if before is None else RecoveryAction.ASK


_JUDGES: dict[Leaving, Callable[[RelationState | None, RelationState], RecoveryAction]] = {
    Leaving.INDEX: _index,
    Leaving.DROPPED_INDEX: _dropped_index,
    Leaving.REINDEXED: _reindexed,
    Leaving.DETACHED: _detached,
    Leaving.CREATED: _created,
    Leaving.DROPPED: _dropped,
    Leaving.NOTHING: lambda _before, _now: RecoveryAction.RUN,
    Leaving.ANYTHING: _anything,
}


def new_ones(before: RelationState | None, now: RelationState) -> tuple[int, ...]:
    """The OIDs of the indexes that only the second of two lists has."""
    return tuple(sorted(oids_in(now) - oids_in(before)))
