"""Runs migrations in an empty throw-away database. Compares the resulting schema with another schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.environment.given import COMPARED, Given, missing_schema
from ...core.plan.replay import like, with_versions_of
from ...core.schema.compare import Altered, Change, Changes, compare, without
from ...core.schema.deparse import alike_between_majors, alike_in_both, alike_once_read
from ...core.schema.snapshot import Snapshot
from ...errors import ApplyError
from ...lazy import dataclass

if TYPE_CHECKING:
    from ...core.environment.environment import Environment
    from ...core.plan.plan import Step
    from ...core.schema.snapshot import SchemaObject
    from ...ports.shadow import Shadows


@dataclass(frozen=True)
class Replayed:
    """How a schema differs from the migrations' schema, and how the throw-away server differs from the real server."""

    changes: Changes
    unmatched: tuple[str, ...] = ()
    expected: Snapshot = Snapshot()
    """The schema of the migrations, as the throw-away server prints it."""


def replay(steps: tuple[Step, ...], live: Snapshot, shadows: Shadows, environment: Environment | None) -> Replayed:
    """Runs the steps on a throw-away server, and compares the schemas. Raises ApplyError or UsageError.

    Differences in formatting, such as those after a dump and restore, do not count. If a difference may be of this
    kind, the throw-away schema is also dumped and restored. It must then be identical to the live schema.

    If a step needs a schema that no step creates and that the database has, the schema counts as given.
    """
    notes: tuple[str, ...] = ()
    while True:
        try:
            found = _replayed(steps, live, shadows, environment)
        except ApplyError as error:
            missing = missing_schema(error.what)
            if environment is None or ("schema", missing) not in live.by_key or missing in environment.given.schemas:
                raise
            given = replace(environment.given, schemas=(*environment.given.schemas, missing))
            environment = replace(environment, given=given)
            notes += (
                f"no migration creates the schema {missing}, so it is copied from the database, and not compared",
            )
        else:
            return replace(found, unmatched=(*notes, *found.unmatched))


def _replayed(steps: tuple[Step, ...], live: Snapshot, shadows: Shadows, environment: Environment | None) -> Replayed:
    with shadows.replayed(like(live), steps, environment) as shadow:
        made = shadow.snapshot()
        expected, notes = with_versions_of(made, live)
        changes = _of_the_project(compare(expected, live), environment.given if environment else Given())
        majors = made.about.major != live.about.major
        if any(may_be_print(each, majors=majors) for each in changes):
            changes = tuple(without_print(changes, shadow.read_again(), majors=majors))
        return Replayed(changes, (*shadow.unmatched, *notes), made)


def _of_the_project(changes: Changes, given: Given) -> Changes:
    """Leaves out differences in objects of the platform, but keeps the policies and triggers of its tables."""
    kept = {each.object.key for each in without(changes, given.patterns)}
    return tuple(each for each in changes if each.object.kind in COMPARED or each.object.key in kept)


def may_be_print(change: Change, *, majors: bool = False) -> bool:
    """Whether a difference may only be one of formatting. A dump and restore causes such differences.

    With `majors`, the two servers have different major versions.
    """
    alike = alike_in_both if majors else alike_once_read
    return isinstance(change, Altered) and alike(change.before, change.after)


def without_print(changes: Changes, again: Snapshot, *, majors: bool) -> Iterator[Change]:
    """The changes that are not only ones of formatting. `again` is the first schema after a dump and restore."""
    for change in changes:
        restored = again.by_key.get(change.object.key)
        if not (restored and may_be_print(change, majors=majors) and _is_print(change, restored, majors=majors)):
            yield change


def _is_print(change: Change, restored: SchemaObject, *, majors: bool) -> bool:
    if majors:
        return alike_between_majors(restored, change.object)
    return isinstance(change, Altered) and all(
        restored.attributes.get(name) == new for name, _, new in change.attributes
    )
