"""Diff: any two schemas compared."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.compare import Changes, compare
from ..core.replay import Wanted, like, steps_of_files, with_versions_of
from ..core.snapshot import Snapshot
from ..core.workspace import Workspace
from ..errors import ApplyError, UsageError, WorkspaceError
from ..ports import Schemas, Shadows

MIGRATIONS = "migrations"
"""What people call the schema that the files give."""


@dataclass(frozen=True)
class Difference:
    """How two schemas differ, and in what a throw-away server was not like the other side's."""

    changes: Changes
    unmatched: tuple[str, ...] = ()


def diff(sides: tuple[str, str], *, schemas: Schemas, shadows: Shadows) -> Difference:
    """Compare two schemas, each named as on the command line. Read-only."""
    given = [None if side == MIGRATIONS else schemas.named(side) for side in sides]
    if given[0] is None and given[1] is None:
        raise UsageError("`migrations` is the same as `migrations`", hint="ctgitops diff staging migrations")
    model = next(each for each in given if each is not None)
    notes: tuple[str, ...] = ()
    found: list[Snapshot] = []
    for each in given:
        if each is None:
            files, notes = of_files(schemas.workspace, like(model), shadows)
            each, versions = with_versions_of(files, model)  # noqa: PLW2901 - what the name stands for
            notes += versions
        found.append(each)
    return Difference(compare(found[0], found[1]), notes)


def of_files(
    workspace: Workspace, wanted: Wanted, shadows: Shadows, *, up_to: int | None = None
) -> tuple[Snapshot, tuple[str, ...]]:
    """What the files give in an empty database, in the order of their numbers. Raises WorkspaceError."""
    steps = steps_of_files(workspace, up_to)
    try:
        with shadows.like(wanted) as shadow:
            shadow.bring(steps)
            return shadow.snapshot(), shadow.unmatched
    except ApplyError as error:
        what = f"the files do not run from nothing: {error.what}"
        raise WorkspaceError(what, place=error.place, state="no real database was changed", hint=error.hint) from None
