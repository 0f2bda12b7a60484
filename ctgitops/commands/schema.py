"""The command `schema`. Reads what a copy of an environment needs to know of its database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.trial.schema_artifact import TargetSchema
from .applying.in_step import current_ledger

if TYPE_CHECKING:
    from ..core.gate.request import Request
    from ..ports.database import Databases


def schema(request: Request, *, databases: Databases) -> TargetSchema:
    """The schema, the roles and the ledger of an environment's database. Read-only. Reads no rows of its tables."""
    database = databases.of(request.environment)
    sizes = database.sizes(tuple(request.workspace.policy.rows))
    statistics = {
        table: {name: (column.nulls, column.distinct) for name, column in size.columns.items()}
        for table, size in sizes.items()
    }
    return TargetSchema(database.original(), current_ledger(request, database), statistics)
