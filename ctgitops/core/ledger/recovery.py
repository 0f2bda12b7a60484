"""Decides how to recover from a statement that began and may not have completed. Pure: queries no server.

The ledger's `progress` rows store, as text, the state of the object that the statement creates or changes. `before` is
the state before the statement began, or None if no run began the statement. `now` is the current state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

from ...lazy import dataclass, regex
from ...sql.interruption import LeftoverKind

_INDEX = regex(r"([0-9]+) (valid|invalid)")
_INDEXES = regex(r"[0-9]+(?:,[0-9]+)*")


@dataclass(frozen=True)
class Absent:
    """The object does not exist. For a list of indexes, the list is empty."""

    def __str__(self) -> str:
        return "absent"


@dataclass(frozen=True)
class Present:
    """The object exists. For an index, the state has the OID and whether the index is valid."""

    oid: int | None = None
    valid: bool = True

    def __str__(self) -> str:
        return "present" if self.oid is None else f"{self.oid} {'valid' if self.valid else 'invalid'}"


@dataclass(frozen=True)
class DetachPending:
    """A partition whose DETACH CONCURRENTLY was interrupted."""

    def __str__(self) -> str:
        return "pending"


@dataclass(frozen=True)
class Indexes:
    """A list of at least one index. Used for a statement that creates an index without naming it."""

    oids: frozenset[int]

    def __str__(self) -> str:
        return ",".join(map(str, sorted(self.oids)))


RelationState = Absent | Present | DetachPending | Indexes
ABSENT, PRESENT, DETACH_PENDING = Absent(), Present(), DetachPending()
_WORDS: dict[str, RelationState] = {str(state): state for state in (ABSENT, PRESENT, DETACH_PENDING)}


def parse_state(stored: str) -> RelationState | None:
    """Parses a state from the text that `str` returns for it. None if the text is not a state."""
    if match := _INDEX.fullmatch(stored):
        return Present(int(match[1]), match[2] == "valid")
    if _INDEXES.fullmatch(stored):
        return indexes(map(int, stored.split(",")))
    return _WORDS.get(stored)


def indexes(oids: Iterable[int]) -> RelationState:
    """The state for a list of indexes: ABSENT if the list is empty, otherwise Indexes."""
    found = frozenset(oids)
    return Indexes(found) if found else ABSENT


def oids_in(state: RelationState | None) -> frozenset[int]:
    """The OIDs in a list of indexes. Empty for any other state."""
    return state.oids if isinstance(state, Indexes) else frozenset()


class RecoveryAction(StrEnum):
    """The action that recovers from an interrupted statement."""

    RUN = "run"
    """Run the statement. The statement has no effects yet, or can be run twice without harm."""
    DONE = "done"
    """Record the statement as done. The statement has completed."""
    CLEAN = "clean"
    """Remove the leftovers of the statement, then run the statement."""
    FINISH = "finish"
    """Complete the statement with a different command."""
    ASK = "ask"
    """Ask the user: the state of the database is ambiguous."""


def next_of(what: LeftoverKind, before: RelationState | None, now: RelationState) -> RecoveryAction:
    """Chooses how to recover from a statement. `what` is the kind of leftover that the statement can leave behind."""
    return _JUDGES[what](before, now)


def _index(before: RelationState | None, now: RelationState) -> RecoveryAction:
    if isinstance(now, Present) and not now.valid:
        return RecoveryAction.CLEAN
    if now == ABSENT or before is None or before == now:
        # the index existed before, so the server reports an error, or IF NOT EXISTS skips the statement
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


_JUDGES: dict[LeftoverKind, Callable[[RelationState | None, RelationState], RecoveryAction]] = {
    LeftoverKind.INDEX: _index,
    LeftoverKind.DROPPED_INDEX: _dropped_index,
    LeftoverKind.REINDEXED: _reindexed,
    LeftoverKind.DETACHED: _detached,
    LeftoverKind.CREATED: _created,
    LeftoverKind.DROPPED: _dropped,
    LeftoverKind.NOTHING: lambda _before, _now: RecoveryAction.RUN,
    LeftoverKind.ANYTHING: _anything,
}


def new_ones(before: RelationState | None, now: RelationState) -> tuple[int, ...]:
    """The OIDs of the indexes that are in `now` and not in `before`."""
    return tuple(sorted(oids_in(now) - oids_in(before)))
