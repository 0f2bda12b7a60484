"""The session that holds a database's run lock, according to pg_locks and pg_stat_activity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

HEARTBEAT_SECONDS = 3.0
"""How often a run reports."""
ALIVE_SECONDS = 5 * HEARTBEAT_SECONDS
"""A run that has not reported for longer has ended or hangs."""


@dataclass(frozen=True)
class Holder:
    """A session that holds the run lock, and the last report of its run."""

    pid: int
    began: datetime
    """When the session began; together with `pid` it identifies one session."""
    user: str
    application: str
    host: str
    same_user: bool = True
    """Whether the session's role is that of the session that queries."""
    actor: str = ""
    run_url: str = ""
    step: str = ""
    busy: str = ""
    """What a session of that run is doing now; empty where none is active."""
    silent: float | None = None
    """Seconds since its run last reported; None where it never reported, or this role may not see the report."""

    @property
    def alive(self) -> bool:
        """Whether its run reported recently, even if none of its sessions is active, as during a backup's proof."""
        return self.silent is not None and self.silent < ALIVE_SECONDS

    @property
    def reported(self) -> str:
        """`its run reported 2 s ago`; empty where that is not known."""
        return "" if self.silent is None else f"its run reported {self.silent:.0f} s ago"

    @property
    def ours(self) -> bool:
        """Whether it is a run of this tool under the role that queries; no other session is ever terminated."""
        return self.same_user and self.application.startswith("ctgitops/")

    def __str__(self) -> str:
        who = self.application or "no application name"
        session = f"backend {self.pid}, {who}, user {self.user} from {self.host}, since {self.began:%H:%M:%S %Z}"
        told = [f"run by {self.actor}" if self.actor else "", f"at {self.step}" if self.step else "", self.run_url]
        return "; ".join([session, *filter(None, told)])
