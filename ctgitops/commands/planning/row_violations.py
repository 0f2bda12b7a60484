"""Finds existing rows that would make a plan fail."""

from __future__ import annotations

from dataclasses import replace

from ...core.environment.environment import DataPreflight
from ...core.plan.plan import worst_first
from ...core.trial.violation import risks_of, violation_problems
from ...core.view.preview import Preview
from ...ports.database import Database


def with_violations(preview: Preview, database: Database) -> Preview:
    """Adds a problem for each new constraint that existing rows violate. Read-only."""
    asked = preview.environment.data_preflight
    if asked is DataPreflight.OFF:
        return preview
    found = database.violations(risks_of(preview.plan), asked is DataPreflight.KEYS)
    problems = worst_first((*preview.plan.problems, *violation_problems(found)))
    return replace(preview, plan=replace(preview.plan, problems=problems))
