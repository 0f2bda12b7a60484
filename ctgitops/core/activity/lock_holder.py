"""The session that holds a database's run lock, according to pg_locks and pg_stat_activity."""

from __future__ import annotations

from datetime import datetime

from ...lazy import dataclass

HEARTBEAT_SECONDS = 3.0
"""How often a run reports that it is still alive, in seconds."""
ALIVE_SECONDS = 5 * HEARTBEAT_SECONDS
"""The maximum age of a live run's last report. A run with an older report has ended or hangs."""


@dataclass(frozen=True)
class Holder:
    """A session that holds the run lock, and the last report of the session's run."""

    pid: int
    began: datetime | None
    """The start of the session. `pid` and the start identify the session. None if this role may not see the start."""
    user: str
    application: str
    host: str
    same_user: bool = True
    """Whether the session's role is the current role."""
    actor: str = ""
    run_url: str = ""
    step: str = ""
    busy: str = ""
    """The current activity of the run's sessions. Empty if no session is active."""
    silent: float | None = None
    """Seconds since the run's last report. None without a report, or if this role may not see the report."""

    @property
    def alive(self) -> bool:
        """Whether the run reported recently. A live run may be idle, for example while it verifies a backup."""
        return self.silent is not None and self.silent < ALIVE_SECONDS

    @property
    def reported(self) -> str:
        """Text such as `its run reported 2 s ago`. Empty if the time of the report is unknown."""
        return "" if self.silent is None else f"its run reported {self.silent:.0f} s ago"

    @property
    def ours(self) -> bool:
        """Whether the session belongs to ctgitops and has the current role. ctgitops terminates only such sessions."""
        return self.same_user and self.application.startswith("ctgitops/")

    def __str__(self) -> str:
        who = self.application or "no application name"
        since = f", since {self.began:%H:%M:%S %Z}" if self.began else ""
        session = f"backend {self.pid}, {who}, user {self.user} from {self.host}{since}"
        texts = [f"run by {self.actor}" if self.actor else "", f"at {self.step}" if self.step else "", self.run_url]
        return "; ".join([session, *filter(None, texts)])
