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


def next_of(what: Leaving, before: str | None, now: str) -> RecoveryAction:
    """Decides how to recover from a statement that leaves `what`."""
    return _JUDGES[what](before, now)


def _index(before: str | None, now: str) -> RecoveryAction:
    if now.endswith(" invalid"):
        return RecoveryAction.CLEAN
    if now == ABSENT or before is None or before == now:
        return (
            RecoveryAction.RUN
        )  # the index existed before the statement: the server reports an error, or IF NOT EXISTS skips it
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
    """The items that only the second of two comma-separated lists has."""
    return tuple(sorted(_new(before or "", now)))
