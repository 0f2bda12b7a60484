"""Reads the definition of the table for `new --expand`, from a database or from a replay of the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.environment.given import given_hint
from ...core.expand.definition import TableDefinition, definition_of
from ...core.plan.replay import ReplayTarget, steps_of_files
from ...errors import ApplyError, UsageError, WorkspaceError

if TYPE_CHECKING:
    from ...core.environment.environment import Environment
    from ...core.expand.change import FormChange
    from ...core.schema.snapshot import Snapshot
    from ...core.workspace.workspace import Workspace
    from ...ports.database import Databases
    from ...ports.shadow import Shadows

_FROM_DATABASE = "read the table from an environment's database: add `--env NAME`"


def table_definition(
    change: FormChange, workspace: Workspace, environment: Environment | None, *, databases: Databases, shadows: Shadows
) -> TableDefinition:
    """The definition of the table that `change` names. Read-only.

    Reads the database of `environment`. Without an environment, runs all files in an empty throw-away database. Raises
    UsageError if no server is available, or if the change is not supported for the table.
    """
    live = databases.of(environment).snapshot() if environment else _replayed(workspace, shadows)
    return definition_of(change, live)


def _replayed(workspace: Workspace, shadows: Shadows) -> Snapshot:
    """The schema that all files produce in an empty database."""
    steps = steps_of_files(workspace)
    try:
        with shadows.replayed(ReplayTarget(), steps) as shadow:
            return shadow.snapshot()
    except UsageError as error:  # no server
        hint = "; ".join(filter(None, (error.hint, _FROM_DATABASE)))
        raise UsageError(error.what, state="no file was written", hint=hint) from None
    except ApplyError as error:
        what = f"the files do not run in an empty database: {error.what}"
        hint = given_hint(error.what) or _FROM_DATABASE
        raise WorkspaceError(what, place=error.place, state="no file was written", hint=hint) from None
