"""The Action's command `unlock`: terminates sessions that a killed run left behind, and replies with the result."""

from __future__ import annotations

from ..commands.unlock import Ending
from ..commands.unlock import unlock as verb
from ..core.forge.intent import Unlocking
from ..report.escape import plain
from .job import Job


def unlock(job: Job, ask: Unlocking) -> int:
    """Terminates only runs of this tool without an active session. Raises MustWaitError."""
    said = [
        verb(job.wiring.request(environment.name), Ending.IDLE, databases=job.wiring.databases).verdict
        for environment in ask.environments
    ]
    page = "### 🔓 Unlock\n\n" + "".join(f"- {plain(line)}\n" for line in said)
    job.show("Unlock", "\n".join(said), page)
    if ask.pull_request is not None:
        job.answer(ask.pull_request, page)
    return 0
