"""The command `diff`: compares any two schemas."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ..core.environment.given import given_hint
from ..core.plan.replay import steps_of_files
from ..core.schema.compare import compare, compare_attributes, mirrored
from ..errors import ApplyError, UsageError, WorkspaceError
from .replaying.replay import Replayed, replay, without_restored_print

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..core.schema.snapshot import Snapshot
    from ..core.workspace.workspace import Workspace
    from ..ports.schemas import Schemas
    from ..ports.shadow import Shadows

MIGRATIONS = "migrations"
"""The argument of `diff` for the schema that the migration files produce."""


def diff(sides: tuple[str, str], *, schemas: Schemas, shadows: Shadows) -> Replayed:
    """Compares two schemas. The arguments of the command line name them. Read-only."""
    if MIGRATIONS not in sides:
        found = _compared(sides, schemas, shadows)
        servers = tuple(schemas.server_objects(side) for side in sides)
        if servers[0] and servers[1]:
            found = replace(found, changes=(*found.changes, *compare(servers[0], servers[1])))
        return found
    other = sides[1] if sides[0] == MIGRATIONS else sides[0]
    if other == MIGRATIONS:
        raise UsageError("both sides are `migrations`", hint="name an environment: `ctgitops diff staging migrations`")
    environment = schemas.workspace.environment(other)
    found = against_files(schemas.workspace, schemas.named(other), shadows, environment)
    return found if sides[0] == MIGRATIONS else Replayed(mirrored(found.changes), found.unmatched)


def _compared(sides: tuple[str, str], schemas: Schemas, shadows: Shadows) -> Replayed:
    """Compares two schemas. Leaves out what a restore of the schema changes only in the text of expressions."""
    before, after = (schemas.named(side) for side in sides)
    changes = compare_attributes(before, after)
    environments = [environment for side in sides if (environment := schemas.workspace.environment(side))]
    if len(environments) < len(sides):
        return Replayed(changes)
    copied = tuple((partial(schemas.original, each.name), each.shadow) for each in environments)
    return without_restored_print(changes, copied, shadows, majors=before.about.major != after.about.major)


def against_files(
    workspace: Workspace,
    live: Snapshot,
    shadows: Shadows,
    environment: Environment | None,
    *,
    up_to: int | None = None,
) -> Replayed:
    """Compares a schema with the schema that the files produce in an empty database. Raises WorkspaceError."""
    steps = steps_of_files(workspace, up_to)
    try:
        return replay(steps, live, shadows, environment)
    except ApplyError as error:
        what = f"the files do not run in an empty database: {error.what}"
        hint = given_hint(error.what) or error.hint
        raise WorkspaceError(what, place=error.place, state="no real database was changed", hint=hint) from None
