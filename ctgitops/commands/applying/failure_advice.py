"""The advice after a failed migration. The advice is to change the file only if no other environment has applied it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.environment.environment import DataPreflight
from ...core.plan.existing_schema import DUPLICATE
from ...core.plan.remedy import FailedStep, OtherEnvironments, caused_by_rows, remedy
from ...core.run.baseline import baseline_blocker
from ...core.trial.violation import Risk, risks_of
from ...errors import ApplyError, CtgitopsError
from ..planning.applied_elsewhere import elsewhere

if TYPE_CHECKING:
    from ...core.gate.request import Request
    from ...core.plan.plan import Plan
    from ...ports.database import Databases


def with_failure_advice(error: ApplyError, plan: Plan, request: Request, databases: Databases) -> ApplyError:
    """Adapts the error's hint. It does not say to change a file that another environment has applied. Read-only."""
    path = error.place.path if error.place else ""
    step = next((s for s in plan.steps if path == s.script.path or (s.verify and path == s.verify.path)), None)
    if step is None or not error.blames_file:
        return error
    others = elsewhere(step, request, databases)
    verified = path != step.script.path  # a verify query checks rows that the migration wrote
    failing = FailedStep(step, request.environment.name, verified or caused_by_rows(error.sqlstate))
    if error.sqlstate in DUPLICATE:
        failing = replace(failing, there_already=True, first=_nothing_applied(request, databases))
    if failing.by_rows and not verified and others != OtherEnvironments():
        failing = replace(failing, queries=_queries(error, replace(plan, steps=(step,)), request, databases))
    error.hint = remedy(failing, others, error.hint)
    return error


def _nothing_applied(request: Request, databases: Databases) -> bool:
    try:
        return not baseline_blocker(databases.of(request.environment).ledger())
    except CtgitopsError:
        return False


def _queries(error: ApplyError, plan: Plan, request: Request, databases: Databases) -> tuple[str, ...]:
    """Queries that select the rows on which the statement fails. If counting is allowed, omits those without rows."""
    line = error.statement_line
    risks = tuple(risk for risk in risks_of(plan) if line is None or risk.place.line == line)
    violated: tuple[Risk, ...] = ()
    if request.environment.data_preflight is not DataPreflight.OFF:
        try:
            found = databases.of(request.environment).violations(risks, False)  # noqa: FBT003
            violated = tuple(violation.risk for violation in found if violation.rows)
        except CtgitopsError:
            violated = ()
    demands = (risk.demand for risk in violated or risks if risk.demand.violating and not risk.demand.unseen)
    selects = (f"select * from {each.table} where {each.violating};" for each in demands)  # noqa: S608 - only shown
    return tuple(dict.fromkeys(selects))
