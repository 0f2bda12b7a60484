"""Runs migrations in an empty throw-away database. Compares the resulting schema with another schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.environment.given import COMPARED, Given, missing_schema
from ...core.plan.replay import like, with_versions_of
from ...core.schema.compare import Altered, Change, Changes, compare, without
from ...core.schema.deparse import alike_once_read, printed_between_majors, printed_once_read
from ...core.schema.snapshot import Snapshot
from ...errors import ApplyError, CtgitopsError
from ...lazy import dataclass

if TYPE_CHECKING:
    from ...core.environment.environment import Environment, ShadowPolicy
    from ...core.plan.plan import Step
    from ...core.schema.source_database import SourceDatabase
    from ...ports.shadow import Replay, Shadows

    Original = tuple[Callable[[], SourceDatabase], ShadowPolicy]
    """The description of an environment's database, and the server for its copy."""


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
        changes = differing(shadow, expected, live, environment.given if environment else Given())
        return Replayed(changes, (*shadow.unmatched, *notes), made)


def differing(shadow: Replay, expected: Snapshot, live: Snapshot, given: Given | None = None) -> Changes:
    """The differences of `live` from the schema of `shadow`. Leaves out those that a dump and restore causes."""
    changes = _of_the_project(compare(expected, live), given or Given())
    majors = expected.about.major != live.about.major
    if any(printed(each, majors=majors) for each in changes):
        changes = tuple(without_print(changes, shadow.read_again(), live, majors=majors))
    return changes


def _of_the_project(changes: Changes, given: Given) -> Changes:
    """Leaves out differences in objects of the platform, but keeps the policies and triggers of its tables."""
    kept = {each.object.key for each in without(changes, given.patterns)}
    return tuple(each for each in changes if each.object.kind in COMPARED or each.object.key in kept)


def may_be_print(change: Change) -> bool:
    """Whether a difference may only be one of formatting. A dump and restore causes such differences."""
    return isinstance(change, Altered) and alike_once_read(change.before, change.after)


def printed(change: Change, *, majors: bool) -> tuple[str, ...]:
    """The attributes in which a difference may only be one of formatting, such as after a dump and restore.

    With `majors`, the two servers have different major versions.
    """
    return printed_once_read(change.before, change.after, majors=majors) if isinstance(change, Altered) else ()


def without_restored_print(
    changes: Changes, sides: tuple[Original, ...], shadows: Shadows, *, majors: bool
) -> Replayed:
    """The changes between two live schemas, without those of formatting. Restores both if there may be such changes."""
    if not any(printed(each, majors=majors) for each in changes):
        return Replayed(changes)
    try:
        copies = [_restored(*side, shadows) for side in sides]
    except CtgitopsError as error:
        return Replayed(changes, (f"differences in the text of expressions may not be real: {error.what}",))
    return Replayed(tuple(without_print(changes, copies[0], copies[1], majors=majors)))


def _restored(original: Callable[[], SourceDatabase], policy: ShadowPolicy, shadows: Shadows) -> Snapshot:
    """The schema of an environment after a dump and restore, for which PostgreSQL parses its expressions again."""
    with shadows.sandbox(original(), policy) as sandbox:
        return sandbox.snapshot()


def without_print(changes: Changes, before: Snapshot, after: Snapshot, *, majors: bool) -> Iterator[Change]:
    """The changes without those of formatting: in the texts of `before` and `after`, they are not differences.

    The texts are those of the same schemas, or of schemas that were restored from their dumps.
    """
    for change in changes:
        names = printed(change, majors=majors)
        texts = before.by_key.get(change.object.key), after.by_key.get(change.object.key)
        if not isinstance(change, Altered) or not names or texts[0] is None or texts[1] is None:
            yield change
            continue
        old, new = (each.attributes for each in texts if each)
        alike = {name for name in names if old.get(name) == new.get(name)}
        alike |= set(printed_between_majors(*filter(None, texts))) & set(names) if majors else set()
        if left := change.without(alike):
            yield left
