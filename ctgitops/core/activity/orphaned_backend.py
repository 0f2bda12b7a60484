"""An orphaned backend: a server process that still works for a run that has ended."""

from __future__ import annotations

import re
from datetime import datetime

from ...lazy import dataclass
from .blocker import shape_of


@dataclass(frozen=True)
class Orphan:
    """A server process of an ended run, identified by its pid and its start time."""

    pid: int
    began: datetime
    application: str
    user: str
    seconds: float | None
    """Seconds since the process's transaction began. None if this role may not see the time."""
    query: str

    @property
    def text(self) -> str:
        """Text such as `backend 123 of an earlier run is still running, in migration 007, for 12 s: update …`."""
        at = f", in migration {number[0]}" if (number := re.search(r"\d+$", self.application)) else ""
        since = f", for {self.seconds:.0f} s" if self.seconds is not None else ""
        doing = f": {shape}" if (shape := shape_of(self.query)) else ""
        return f"backend {self.pid} of an earlier run is still running{at}{since}{doing}"
