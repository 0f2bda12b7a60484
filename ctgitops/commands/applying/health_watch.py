"""Runs the health query of an environment before the first migration, and repeatedly after the last one."""

from __future__ import annotations

from ...core.gate.gate import Reason
from ...core.gate.health import not_well, reasons_of_health, stopped_watching
from ...core.gate.request import Request
from ...core.plan.plan import Plan
from ...ports.database import Session


def ask_first(request: Request, session: Session) -> tuple[Reason, ...]:
    """Returns why nothing may be applied: the health query is not true, or it fails. Read-only."""
    health = request.environment.manner.health
    return tuple(reasons_of_health(session.probe(health), request.environment)) if health else ()


def watch(plan: Plan, session: Session) -> None:
    """Polls the health query. Raises ApplyError if it turns false, or cannot be run at the end. Read-only."""
    health = plan.manner.health
    if health is None:
        return
    try:
        heard = session.watch(health)
    except KeyboardInterrupt:
        raise stopped_watching(plan) from None
    if error := not_well(heard, health, plan):
        raise error
