"""Finds the tables in `backup.export` that would make the backup of a plan fail."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.plan.plan import Plan, worst_first
from ...core.problem import Problem
from ...errors import Place

if TYPE_CHECKING:
    from ...core.environment.environment import Environment
    from ...ports.database import Database

_HINT = "correct `backup.export.tables`; add a new table after the migration that creates it"


def with_unexportable(plan: Plan, environment: Environment, database: Database) -> Plan:
    """The plan with a warning for each table that the backup cannot export. Read-only."""
    export = environment.backup.export if environment.backup else None
    wrong = database.not_exportable(export.tables) if export else ()
    place = Place(environment.path)
    found = [
        Problem("export-table", f"the backup before this plan would fail, because {each}", place, _HINT, blocks=False)
        for each in wrong
    ]
    return replace(plan, problems=worst_first((*plan.problems, *found))) if found else plan
