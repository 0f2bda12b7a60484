"""A run that ended without a result, according to the lease row that it left."""

from __future__ import annotations

from datetime import datetime

from ...lazy import dataclass


@dataclass(frozen=True)
class InterruptedRun:
    """A run that began a plan, but did not record its end: it was killed or stopped, or lost its connection."""

    plan: str
    """The fingerprint of the plan."""
    since: datetime
    """When the run took the run lock."""
    seen: datetime
    """When the run last wrote its lease row."""
    actor: str = ""
    run_url: str = ""
    step: str = ""
    """The last step that the run recorded. Empty if the run had not reached a step."""

    @property
    def text(self) -> str:
        """`the run of anna, which began on 2026-11-30 14:02 UTC, ended without a result at 007_index, at about …`."""
        whose = f"the run of {self.actor}" if self.actor else "an earlier run"
        at = f" at {self.step}" if self.step else ""
        began, ended = f"{self.since:%Y-%m-%d %H:%M} UTC", f"{self.seen:%H:%M} UTC"
        return f"{whose}, which began on {began}, ended without a result{at}, at about {ended}"
