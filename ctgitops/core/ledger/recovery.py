"""Decides how to recover from a statement that was begun and may not have completed. Pure: it queries no server.

`before` is the state that was recorded before the statement began, or None if no run began it; `now` is the state now.
`postgres/nontransactional/leftovers.py` defines their values: for an index `absent`, or its OID followed by `valid` or
`invalid`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from ...sql.interruption import Leaving

ABSENT, PRESENT, PENDING = "absent", "present", "pending"


class RecoveryAction(StrEnum):
    """What to do."""

    RUN = "run"
    """It did nothing yet, or nothing that another time would harm."""
    DONE = "done"
    """It came to its end."""
    CLEAN = "clean"
    """Remove what it left, then run it."""
    FINISH = "finish"
    """Do what is left of it, another way."""
    ASK = "ask"
    """Nobody but a person can tell."""


def next_of(what: Leaving, before: str | None, now: str) -> RecoveryAction:
    """What to do about a statement that leaves `what`."""
    return _JUDGES[what](before, now)


def _index(before: str | None, now: str) -> RecoveryAction:
    if now.endswith(" invalid"):
        return RecoveryAction.CLEAN
    if now == ABSENT or before is None or before == now:
        return (
            RecoveryAction.RUN
        )  # what is there was there before: the server says so, or IF NOT EXISTS is content with it
    return RecoveryAction.DONE


def _dropped_index(before: str | None, now: str) -> RecoveryAction:
    if before is None or before == ABSENT:
        return RecoveryAction.RUN
    if now == ABSENT:
        return RecoveryAction.DONE
    return RecoveryAction.RUN if _oid(now) == _oid(before) else RecoveryAction.ASK


def _reindexed(before: str | None, now: str) -> RecoveryAction:
    return RecoveryAction.CLEAN if before is not None and _new(before, now) else RecoveryAction.RUN


def _detached(before: str | None, now: str) -> RecoveryAction:
    return RecoveryAction.FINISH if now == PENDING else _dropped(before, now)


def _created(before: str | None, now: str) -> RecoveryAction:
    return RecoveryAction.DONE if before == ABSENT and now == PRESENT else RecoveryAction.RUN


def _dropped(before: str | None, now: str) -> RecoveryAction:
    return RecoveryAction.DONE if before not in {None, ABSENT} and now == ABSENT else RecoveryAction.RUN


def _anything(before: str | None, _now: str) -> RecoveryAction:
    return RecoveryAction.RUN if before is None else RecoveryAction.ASK


_JUDGES: dict[Leaving, Callable[[str | None, str], RecoveryAction]] = {
    Leaving.INDEX: _index,
    Leaving.DROPPED_INDEX: _dropped_index,
    Leaving.REINDEXED: _reindexed,
    Leaving.DETACHED: _detached,
    Leaving.CREATED: _created,
    Leaving.DROPPED: _dropped,
    Leaving.NOTHING: lambda _before, _now: RecoveryAction.RUN,
    Leaving.ANYTHING: _anything,
}


def _oid(seen: str) -> str:
    return seen.split(" ", maxsplit=1)[0]


def _new(before: str, now: str) -> set[str]:
    return set(now.split(",")) - set(before.split(",")) - {ABSENT}


def new_ones(before: str | None, now: str) -> tuple[str, ...]:
    """Of two lists with commas, what only the second has."""
    return tuple(sorted(_new(before or "", now)))
