"""What a run is doing at one moment: its sessions, their progress, and the sessions that wait or block. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ...lazy import dataclass
from .blocker import shape_of

if TYPE_CHECKING:
    from .lock_holder import Holder

_OF_A_RUN = "ctgitops.run"
"""A part of the first line of each statement that a run sends."""


@dataclass(frozen=True)
class Gauge:
    """The progress of one command, read from a progress view of PostgreSQL or from the ledger."""

    pid: int
    command: str
    """The command, such as `CREATE INDEX CONCURRENTLY`."""
    phase: str
    done: int
    total: int
    """The total number of units. 0 if unknown."""
    unit: str
    """What `done` counts, such as `blocks` or `rows`."""
    relation: str = ""

    @property
    def percent(self) -> int | None:
        """The progress in percent. None if the total is unknown."""
        return min(100 * self.done // self.total, 100) if self.total > 0 else None

    @property
    def group(self) -> str:
        """The part of the phase before the colon, such as `building index`. The whole phase if it has no colon."""
        return self.phase.partition(":")[0]

    @property
    def key(self) -> tuple[int, str, str, str]:
        """Identifies the work. A later observation of the same work has the same key."""
        return self.pid, self.command, self.phase, self.unit


@dataclass(frozen=True)
class SessionSeen:
    """A session, with its current statement and the sessions that block it."""

    pid: int
    application: str
    user: str
    state: str = ""
    """Its state, such as `active`. Empty if this role may not see the state."""
    seconds: float | None = None
    """Seconds since its statement began. None if this role may not see the time."""
    query: str = ""
    """Its statement. Empty if this role may not see the statement."""
    waits_for: str = ""
    """The kind of wait, such as `Lock: relation`. Empty without a wait, or if this role may not see it."""
    blocked_by: tuple[int, ...] = ()
    """The process IDs of the sessions that block it. A prepared transaction has the ID 0."""

    @property
    def who(self) -> str:
        """`backend 123, psql, user ana`."""
        name = self.application or "no application name"
        return f"backend {self.pid}, {name}, user {self.user or 'unknown'}" if self.pid else "a prepared transaction"

    @property
    def doing(self) -> str:
        """The statement on one line, without literals, which may be personal data."""
        first, _, rest = self.query.partition("\n")
        # A run sends a file between its own statements, which say nothing about the file
        return shape_of(rest.partition("\n;")[0] if _OF_A_RUN in first and rest else self.query)


@dataclass(frozen=True)
class RunActivity:
    """The state of the run that holds the run lock, at one moment."""

    at: datetime
    """The server's time."""
    holder: Holder
    plan: str = ""
    """The fingerprint of the plan. Empty until the run begins its plan."""
    since: datetime | None = None
    """When the run took the run lock. None if this role may not read the lease row."""
    sessions: tuple[SessionSeen, ...] = ()
    """The run's sessions that execute migrations."""
    gauges: tuple[Gauge, ...] = ()
    in_the_way: tuple[SessionSeen, ...] = ()
    """The sessions that block a session of the run."""
    waiting: tuple[SessionSeen, ...] = ()
    """The sessions that a session of the run blocks."""
    unseen: tuple[str, ...] = ()
    """What this role may not see. Each line names the missing privilege."""

    @property
    def run(self) -> tuple[int, datetime | None]:
        """Identifies the run."""
        return self.holder.pid, self.since or self.holder.began


@dataclass(frozen=True)
class Rest:
    """The rate of a command, and the estimated remaining time."""

    rate: float
    """Units per second."""
    seconds: float | None
    """Seconds until the phase ends. None if the total is unknown."""


@dataclass(frozen=True)
class Look:
    """One observation of a run, with the earlier observations of the same run, oldest first."""

    now: RunActivity
    earlier: tuple[RunActivity, ...] = ()

    def rest(self, gauge: Gauge) -> Rest | None:
        """The rate since the work was first observed, and the remaining time. None without an earlier observation."""
        seen = ((look.at, each.done) for look in self.earlier for each in look.gauges if each.key == gauge.key)
        at, done = next(seen, (self.now.at, gauge.done))
        seconds = (self.now.at - at).total_seconds()
        if seconds <= 0 or gauge.done <= done:
            return None
        rate = (gauge.done - done) / seconds
        return Rest(rate, max(gauge.total - gauge.done, 0) / rate if gauge.total > 0 else None)
