"""Estimates which statements of other sessions each migration would block, and for how long. Uses a trial."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from ...core.impact.projection import Effect, Measured, effects, measured_in, tables_of
from ...core.ledger.ledger import Ledger
from ...errors import CtgitopsError

if TYPE_CHECKING:
    from ...core.gate.gate import Predecessor
    from ...core.gate.request import Request
    from ...core.impact.impact import StepImpact
    from ...core.impact.size import Rates, Size
    from ...core.plan.plan import Plan
    from ...ports.database import Databases
    from ...ports.shadow import Sandbox


def effects_of(
    plan: Plan, request: Request, before: Predecessor, sandbox: Sandbox, databases: Databases
) -> dict[int, Effect]:
    """Maps each migration's number to its effect. Uses the trial and the sizes of the real tables. Read-only.

    A value that could not be read is unknown.
    """
    impacts = sandbox.impacts
    if not (tables := tables_of(impacts.values())):
        return effects(impacts, {}, None, {})
    sizes: Mapping[str, Size] = {}
    rates: Rates | None = None
    with suppress(CtgitopsError):
        sizes = databases.of(request.environment).sizes(tables)
    measured: Mapping[int, Measured] = {}
    if any(each.tables for impact in impacts.values() for each in impact.statements):
        with suppress(CtgitopsError):
            rates = sandbox.rates()
        with suppress(CtgitopsError):
            measured = _measured(plan, request, before, impacts, databases)
    return effects(impacts, sizes, rates, measured)


def _measured(
    plan: Plan, request: Request, ledger: Predecessor, impacts: Mapping[int, StepImpact], databases: Databases
) -> dict[int, Measured]:
    """Maps each unchanged migration's number to the time that it took in the environment that `after` names."""
    before = request.workspace.environment(request.environment.after or "")
    if before is None or not isinstance(ledger, Ledger):
        return {}
    sizes = databases.of(before).sizes(tables_of(impacts.values()))
    found = {
        step.number: measured_in(before.name, step, ledger, impacts[step.number], sizes)
        for step in plan.steps
        if step.number in impacts
    }
    return {number: measured for number, measured in found.items() if measured}
