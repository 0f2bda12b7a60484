"""A wait for a window, a bake time or a predecessor. Such a wait ends by itself."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..environment.instant import instant, local

if TYPE_CHECKING:
    from ..environment.environment import Environment
    from .gate import Reason


@dataclass(frozen=True)
class PlanWait:
    """The wait of the plan of one environment."""

    environment: Environment
    reasons: tuple[Reason, ...]
    until: datetime | None = None
    """The earliest time at which the wait can end. None if unknown, as for a predecessor without the migration."""

    @property
    def gates(self) -> tuple[str, ...]:
        """The gates that the plan waits for, without duplicates."""
        return tuple(dict.fromkeys(reason.gate for reason in self.reasons))

    @property
    def local(self) -> str:
        """The end of the wait in the environment's time zone: `Tue 2026-12-01 02:00`. Empty if unknown or in UTC."""
        return local(self.until, self.environment.zone) if self.until else ""

    @property
    def moment(self) -> str:
        """`2026-12-01 07:00 UTC (Tue 2026-12-01 02:00 America/New_York)`. Empty if the end is unknown."""
        return instant(self.until, self.environment.zone) if self.until else ""

    @property
    def text(self) -> str:
        """`until 2026-12-01 07:00 UTC … at the earliest`. The reason to wait if the end is unknown."""
        return f"until {self.moment} at the earliest" if self.until else f"because {self.reasons[0].what}"


def wait_of(environment: Environment, reasons: tuple[Reason, ...]) -> PlanWait | None:
    """The wait until all `reasons` end. None without reasons, or if a reason does not end by itself."""
    if not reasons or not all(reason.expected for reason in reasons):
        return None
    ends = [reason.until for reason in reasons if reason.until]
    known = len(ends) == len(reasons)
    return PlanWait(environment, reasons, environment.opens(max(ends)) if known else None)
