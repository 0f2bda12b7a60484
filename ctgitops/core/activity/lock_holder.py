"""The session that holds a database's run lock, according to pg_locks and pg_stat_activity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

HEARTBEAT_SECONDS = 3.0
"""How often a run reports."""
ALIVE_SECONDS = 5 * HEARTBEAT_SECONDS
"""A run that is silent for longer is gone, or stands still."""


@dataclass(frozen=True)
class Holder:
    """A session that holds the run lock, and what its run last said of itself."""

    pid: int
    began: datetime
    """When the session began; with `pid` it names one session for ever."""
    user: str
    application: str
    host: str
    same_user: bool = True
    """Whether it is a session of the role that asks."""
    actor: str = ""
    run_url: str = ""
    step: str = ""
    busy: str = ""
    """What a session of that run is doing right now; empty where none is at work."""
    silent: float | None = None
    """Seconds since its run last reported; None where it never did, or this role may not see it."""

    @property
    def alive(self) -> bool:
        """Whether its run reported just now, though none of its sessions may be at work, as during a backup's proof."""
        return self.silent is not None and self.silent < ALIVE_SECONDS

    @property
    def reported(self) -> str:
        """`its run reported 2 s ago`; empty where that is not known."""
        return "" if self.silent is None else f"its run reported {self.silent:.0f} s ago"

    @property
    def ours(self) -> bool:
        """Whether it is a run of this tool, under the role that asks; nothing else is ever ended."""
        return self.same_user and self.application.startswith("ctgitops/")

    def __str__(self) -> str:
        who = self.application or "no application name"
        session = f"backend {self.pid}, {who}, user {self.user} from {self.host}, since {self.began:%H:%M:%S %Z}"
        told = [f"run by {self.actor}" if self.actor else "", f"at {self.step}" if self.step else "", self.run_url]
        return "; ".join([session, *filter(None, told)])
