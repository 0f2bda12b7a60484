"""The state of what a statement can leave behind, and the text of it that the ledger's `progress` rows store. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

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
