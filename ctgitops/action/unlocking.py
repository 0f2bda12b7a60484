"""The Action's command `unlock`. Terminates ended runs that still hold a run lock."""

from __future__ import annotations

from ..commands.unlock import Ending
from ..commands.unlock import unlock as unlock_verb
from ..core.environment.environment import Environment
from ..core.forge.intent import Unlocking
from ..report.escape import plain
from .job import Job


def unlock(job: Job, ask: Unlocking) -> int:
    """Terminates the run that holds the run lock. Raises MustWaitError if the run is active.

    Of several environments, leaves out those whose URL this workflow does not have. Another workflow changes them.
    """
    said = [_line(job, environment, alone=len(ask.environments) == 1) for environment in ask.environments]
    page = "### 🔓 Unlock\n\n" + "".join(f"- {plain(line)}\n" for line in said)
    job.show("Unlock", "\n".join(said), page)
    if ask.pull_request is not None:
        job.answer(ask.pull_request, page)
    return 0


def _line(job: Job, environment: Environment, *, alone: bool) -> str:
    if not alone and not job.has_url_of(environment):
        return f"{environment.name}: NOT LOOKED AT, because this workflow does not have {environment.url_secret}"
    request = job.wiring.request(environment.name)
    return unlock_verb(request, Ending.IDLE, databases=job.wiring.databases).verdict
