"""Lints a plan against the live schema. The commands plan and apply both use this module and get the same findings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.plan.plan import Plan, worst_first
from ...core.plan.touched_schema import touched_schema
from ...core.problem import Problem
from ...errors import CtgitopsError
from ...lint.file_selection import lint_plan

if TYPE_CHECKING:
    from ...core.gate.request import Request
    from ...core.schema.snapshot import Snapshot
    from ...ports.database import Database


def with_findings(plan: Plan, request: Request, database: Database) -> tuple[Plan, Snapshot | None]:
    """Adds findings, and the hash of the named live objects, to the plan. Returns the plan and the live schema.

    The live schema is None if it was not read. Read-only.
    """
    live, unread = _live(plan, database)
    linted = lint_plan(plan, request.workspace, request.environment, request.now.date(), live)
    touched = touched_schema(plan, live, request.environment.drift_ignore) if live else ""
    return replace(linted, problems=worst_first((*linted.problems, *unread)), schema=touched), live


def _live(plan: Plan, database: Database) -> tuple[Snapshot | None, tuple[Problem, ...]]:
    """Reads the live schema if the plan has steps to lint. If the schema is unreadable, also returns a warning."""
    if not plan.steps:
        return None, ()
    try:
        return database.snapshot(), ()
    except CtgitopsError as error:
        what = f"the schema of {plan.environment} cannot be read, so lint reads only the files: {error.what}"
        return None, (Problem("schema-unread", what, hint=error.hint, blocks=False),)
