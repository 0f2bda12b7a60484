"""Reversals: rolled-back migrations that are not applied again until a person accepts them. Pure.

A reversal ends when the migration is applied or baselined, when `repair --again` accepts it, or when its file changes.
The automatic rollback of a failed run is a failed attempt, not a reversal. The automatic rollback of migrations that
made the environment unhealthy is a reversal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import TYPE_CHECKING

from ...errors import Place
from ...lazy import dataclass
from ..problem import Concern, Problem
from .ledger import CHANGES_NOTHING, Entry, Ledger, Mark
from .open_prediction import NAME as PREDICTION

if TYPE_CHECKING:
    from ..migration.migration import Migration


@dataclass(frozen=True)
class Reversal:
    """The entry that rolled a migration back, and the entry that had applied it."""

    entry: Entry
    undone: Entry

    def holds(self, migration: Migration) -> bool:
        """Whether the migration's file still has the text that was rolled back. An unknown text counts as unchanged."""
        return self.undone.checksum in {None, migration.checksum}

    @property
    def text(self) -> str:
        """Text such as `rolled back on 2026-11-24 09:30:12 UTC by anna`."""
        at = self.entry.finished_at or self.entry.started_at
        how = "rolled back" if self.entry.mark is Mark.ROLLED_BACK else "recorded as not applied"
        when = f" on {at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
        return f"{how}{when}{f' by {self.entry.actor}' if self.entry.actor else ''}"

    @property
    def detail(self) -> str:
        """The reason, the run, and the backup with the deleted rows. Each is one line."""
        lines = [f"reason: {self.entry.error}"] if self.entry.error else []
        lines += [f"run: {self.entry.run_url}"] if self.entry.run_url else []
        return "\n".join([*lines, _backup(self.entry.receipt)])


def _backup(receipt: str | None) -> str:
    try:
        found = json.loads(receipt or "")
        return f"backup from before the rollback: {found['id']}, `{found['restore_with']}`"
    except (ValueError, KeyError, TypeError):
        return "backup from before the rollback: none recorded"


@dataclass(frozen=True)
class Changes:
    """The migrations that a ledger's entries applied and rolled back."""

    reversals: dict[int, Reversal]
    """Maps migration numbers to the reversals that are still in effect."""
    failure: Entry | None
    """The entry of the failed migration or seed file at which the last run ended. None if that run did not fail."""
    last: Entry | None
    """The newest entry that changed the applied migrations. Failed attempts do not count."""


def changes_in(ledger: Ledger) -> Changes:
    """Computes the changes in one pass over all entries, oldest first. Includes entries that older versions wrote."""
    walk = _Walk()
    for entry in ledger.entries:
        walk.through(entry)
    return Changes(walk.reversals, walk.failure, walk.changes[-1] if walk.changes else None)


def since(ledger: Ledger) -> str:
    """The hash of the newest change. Ledgers with the same migrations but different changes have different hashes."""
    last = changes_in(ledger).last
    return last.hash if last else ""


def failure_in(ledger: Ledger) -> Entry | None:
    """The entry of the failed migration or seed file at which the last run ended. None if that run did not fail."""
    return changes_in(ledger).failure


@dataclass
class _Walk:
    brought: dict[int, Entry] = field(default_factory=dict)
    reversals: dict[int, Reversal] = field(default_factory=dict)
    changes: list[Entry] = field(default_factory=list)
    failure: Entry | None = None
    """The entry of the failed migration or seed file at which the last run ended."""
    repaired: tuple[int | None, Entry | None] = (None, None)
    """The migration and the resolved failure of the previous entry, if that entry is a repair.

    Otherwise None, None.
    """

    def through(self, entry: Entry) -> None:
        by_itself = entry.mark is Mark.ROLLED_BACK and entry.error is not None
        self._learn(entry, by_itself=by_itself)
        if entry.number is None:
            self.changes += [entry] if entry.mark is Mark.APPLIED else []
        elif entry.mark is Mark.STARTED:
            self.reversals.pop(entry.number, None)  # an older version of ctgitops began to apply the migration again
        elif entry.mark not in CHANGES_NOTHING:
            self._changed(entry, entry.number, attempt=by_itself and self.failure is not None)

    def _learn(self, entry: Entry, *, by_itself: bool) -> None:
        """Updates the result of the last run from one entry. An incomplete attempt does not change the result."""
        number, settled = self.repaired
        self.repaired = (None, None)
        if by_itself:  # a rollback of an unrecorded migration begins with a `repaired` entry
            self.failure = settled if number == entry.number is not None else self.failure
        elif entry.mark is Mark.FAILED and entry.name != PREDICTION:
            self.failure = entry
        elif entry.name != PREDICTION and entry.mark not in CHANGES_NOTHING | {Mark.STARTED}:
            self.repaired = (entry.number, self.failure) if entry.mark is Mark.REPAIRED else (None, None)
            self.failure = None

    def _changed(self, entry: Entry, number: int, *, attempt: bool) -> None:
        undone = None if entry.marks_applied else self.brought.pop(number, None)
        self.reversals.pop(number, None)
        if entry.marks_applied:
            self.brought[number] = entry
        if attempt:
            self.changes = [each for each in self.changes if each is not undone]
            return
        self.changes.append(entry)
        if undone:
            self.reversals[number] = Reversal(entry, undone)


def reversal_problems(
    environment: str, ledger: Ledger, pending: Iterable[Migration], files: Iterable[Migration]
) -> Iterator[Problem]:
    """A problem for each rollback that the plan must mention.

    The problem blocks the plan if the file of the pending migration is unchanged, even if it has a new number. The
    problem is a warning if the file has changed, or if the rollback is the newest change of the database.
    """
    changes = changes_in(ledger)
    reversals, pending = changes.reversals, tuple(pending)
    renumbered = _renumbered(reversals, files)
    blocking: set[int] = set()
    for migration in pending:
        reversal = reversals.get(migration.number)
        if reversal is None or not reversal.holds(migration):
            reversal = renumbered.get(migration.checksum)
        if reversal is None:
            continue
        blocking.add(reversal.undone.number or 0)
        number = reversal.undone.number or 0
        name = migration.name if number == migration.number else f"{migration.name}, formerly {reversal.undone.name},"
        what = f"{name} was {reversal.text}, and its file has not changed since"
        hint = (
            f'to apply it again: `ctgitops repair --again {number:03} --env {environment} --reason "…"`; '
            "or change its file, if no environment has applied it"
        )
        yield Problem("rolled-back", what, Place(migration.path), hint, reversal.detail, concern=Concern.LEDGER)

    yield from _mentioned(changes, {m.number: m for m in pending}, blocking)


def _mentioned(changes: Changes, pending: dict[int, Migration], blocking: set[int]) -> Iterator[Problem]:
    """A warning for each rollback that does not block the plan but that a reviewer of the plan must know about."""
    for number, reversal in changes.reversals.items():
        changed = pending.get(number)
        if number in blocking or not (changed or reversal.entry is changes.last):
            continue
        what = f"{reversal.undone.name} was {reversal.text}"
        hint = "this plan applies the changed file" if changed else "no file of this number is pending"
        place = Place(changed.path) if changed else None
        yield Problem("was-rolled-back", what, place, hint, reversal.detail, blocks=False, concern=Concern.LEDGER)


def _renumbered(reversals: dict[int, Reversal], files: Iterable[Migration]) -> dict[str, Reversal]:
    """Maps checksums to reversals of migrations whose files were renumbered or removed."""
    there = {(file.number, file.checksum) for file in files}
    found = ((number, reversal.undone.checksum, reversal) for number, reversal in reversals.items())
    return {checksum: reversal for number, checksum, reversal in found if checksum and (number, checksum) not in there}
