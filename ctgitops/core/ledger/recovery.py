"""Decides how to recover from a statement that was begun and may not have completed. Pure: it queries no server.

`before` is the state that was recorded before the statement began, or None if no run began it; `now` is the state now.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from ...sql.interruption import Leaving
from .relation_state import ABSENT, DETACH_PENDING, PRESENT, Present, RelationState, oids_in


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
