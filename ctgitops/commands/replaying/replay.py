"""Runs migrations in an empty throw-away database. Compares the resulting schema with another schema."""

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
    """How a schema differs from the migrations' schema, and how the throw-away server differs from the real server."""

    changes: Changes
    unmatched: tuple[str, ...] = ()


def replay(steps: tuple[Step, ...], live: Snapshot, shadows: Shadows, environment: Environment | None) -> Replayed:
    """Runs the steps on a throw-away server, and compares the schemas. Raises ApplyError or UsageError.

    Differences in formatting, such as those after a dump and restore, do not count. If a difference may be of this
    kind, the throw-away schema is also dumped and restored. It must then be identical to the live schema.
    """
    with shadows.like(like(live), environment) as shadow:
        shadow.apply(steps)
        expected, notes = with_versions_of(shadow.snapshot(), live)
        changes = compare(expected, live)
        if any(map(may_be_print, changes)):
            again = shadow.read_again()
            changes = tuple(each for each in changes if not (may_be_print(each) and _is_print(each, again)))
        return Replayed(changes, (*shadow.unmatched, *notes))


def may_be_print(change: Change) -> bool:
    """Whether a difference may only be one of formatting. A dump and restore causes such differences."""
    return isinstance(change, Altered) and alike_once_read(change.before, change.after)


def _is_print(change: Change, again: Snapshot) -> bool:
    restored = again.by_key.get(change.object.key)
    if restored is None or not isinstance(change, Altered):
        return False
    return all(restored.attributes.get(name) == new for name, _, new in change.attributes)
