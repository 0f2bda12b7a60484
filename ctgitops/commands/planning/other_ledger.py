"""Blocks the plan of a database whose migrations another tool has applied, until `baseline` takes them over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.plan.plan import Plan, worst_first
from ...core.problem import Concern, Problem

if TYPE_CHECKING:
    from ...core.gate.request import Request
    from ...core.ledger.ledger import Ledger
    from ...ports.database import Database


def with_other_ledger(plan: Plan, request: Request, ledger: Ledger, database: Database) -> Plan:
    """Adds a problem if our ledger is empty and the ledger of another tool lists files of the plan. Read-only."""
    if ledger.applied or not plan.steps:
        return plan
    files, name = request.workspace.migrations, plan.environment
    for other in database.foreign_ledgers(request.workspace.policy.layout.version_parts):
        if count := sum(other.row_of(each) is not None for each in files):
            what = f"{other.title} has applied {count} of these files to {name}, according to {other.table}"
            hint = f"`ctgitops baseline --env {name}` takes them over without running them"
            problem = Problem("other-ledger", what, hint=hint, concern=Concern.LEDGER)
            return replace(plan, problems=worst_first((*plan.problems, problem)))
    return plan
