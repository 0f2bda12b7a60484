"""A wait for a window, a bake time or a predecessor. Such a wait ends by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..environment.environment import Environment
from .gate import Reason


@dataclass(frozen=True)
class PlanWait:
    """The wait of the plan of one environment."""

    environment: Environment
    reasons: tuple[Reason, ...]
    until: datetime | None = None
    """The earliest time at which the wait can end. None if unknown, as for a predecessor without the migration."""


def wait_of(environment: Environment, reasons: tuple[Reason, ...]) -> PlanWait | None:
    """The wait until all `reasons` end. None without reasons, or if a reason does not end by itself."""
    if not reasons or not all(reason.expected for reason in reasons):
        return None
    ends = [reason.until for reason in reasons if reason.until]
    known = len(ends) == len(reasons)
    return PlanWait(environment, reasons, environment.opens(max(ends)) if known else None)
