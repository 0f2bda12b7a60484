"""Runs migrations in an empty throw-away database, and compares the resulting schema with another one."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.environment.environment import Environment
from ...core.plan.plan import Step
from ...core.plan.replay import like, with_versions_of
from ...core.schema.compare import Altered, Change, Changes, compare
from ...core.schema.deparse import alike_once_read
from ...core.schema.snapshot import Snapshot
from ...ports.shadow import Shadows


@dataclass(frozen=True)
class Replayed:
    """How a schema differs from what the migrations give, and in what the throw-away server was not like its own."""

    changes: Changes
    unmatched: tuple[str, ...] = ()


def replay(steps: tuple[Step, ...], live: Snapshot, shadows: Shadows, environment: Environment | None) -> Replayed:
    """Runs them on the server that the environment's manifest wants. Raises ApplyError, UsageError.

    What a restore of a dump only prints otherwise is the same: where that is in question, the throw-away schema is
    dumped and restored too, and the live one's print must be that one's to the letter.
    """
    with shadows.like(like(live), environment) as shadow:
        shadow.bring(steps)
        expected, notes = with_versions_of(shadow.snapshot(), live)
        changes = compare(expected, live)
        if any(map(may_be_print, changes)):
            again = shadow.read_again()
            changes = tuple(each for each in changes if not (may_be_print(each) and _is_print(each, again)))
        return Replayed(changes, (*shadow.unmatched, *notes))


def may_be_print(change: Change) -> bool:
    """Whether an object may only be printed in another way, as a restore of a dump prints some."""
    return isinstance(change, Altered) and alike_once_read(change.before, change.after)


def _is_print(change: Change, again: Snapshot) -> bool:
    restored = again.by_key.get(change.object.key)
    if restored is None or not isinstance(change, Altered):
        return False
    return all(restored.attributes.get(name) == new for name, _, new in change.attributes)
