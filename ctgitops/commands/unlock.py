"""The command `unlock`. Shows who holds the run lock, and terminates the sessions of a killed run."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from ..errors import MustWaitError
from ..lazy import dataclass

if TYPE_CHECKING:
    from ..core.activity.lock_holder import Holder
    from ..core.gate.request import Request
    from ..ports.database import Databases


class Ending(StrEnum):
    """What to do with the run that holds the lock."""

    NONE = "none"
    """Only show the run."""
    IDLE = "idle"
    """Terminate the run, unless one of its sessions is active or the run has recently reported progress."""
    ANY = "any"
    """Terminate the run even if it is active. Its statement is rolled back, or the next run resumes the migration."""


@dataclass(frozen=True)
class Unlocked:
    """The holder of the lock, and whether the holder's run was terminated."""

    environment: str
    holder: Holder | None
    ended: bool = False

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        if self.holder is None:
            return f"the run lock of {self.environment} is free"
        if self.ended:
            return f"terminated the run that held the run lock of {self.environment}: {self.holder}"
        at_work = f"it is busy ({self.holder.busy})" if self.holder.busy else "none of its sessions is busy"
        details = "; ".join(filter(None, (str(self.holder), at_work, self.holder.reported)))
        return f"the run lock of {self.environment} is held by {details}"


def unlock(request: Request, ending: Ending, *, databases: Databases) -> Unlocked:
    """Shows the run that holds the run lock, or terminates the sessions of this run only. Raises MustWaitError."""
    name = request.environment.name
    database = databases.of(request.environment)
    holder = database.holder()
    if holder is None or ending is Ending.NONE:
        return Unlocked(name, holder)
    if not holder.ours:
        what = f"the run lock of {name} is held by another tool or role: {holder}"
        raise MustWaitError(
            what,
            state="nothing was terminated",
            hint="contact the owner of that session; ctgitops terminates only its own sessions",
        )
    if (holder.busy or holder.alive) and ending is Ending.IDLE:
        doing = f"busy ({holder.busy})" if holder.busy else f"alive ({holder.reported})"
        what = f"the run that holds the run lock of {name} is {doing}: {holder}"
        hint = f"wait for this run, cancel its job, or `ctgitops unlock --env {name} --end-at-work`"
        raise MustWaitError(what, state="nothing was terminated", hint=hint)
    if not database.end(holder):
        what = f"the server did not terminate the run that holds the run lock of {name}: {holder}"
        raise MustWaitError(
            what,
            state="the session may still end",
            hint=f"`ctgitops unlock --env {name}` shows whether the session has ended",
        )
    return Unlocked(name, holder, ended=True)
