"""The Action's commands that run no migration: unlock and repair."""

from __future__ import annotations

from ..commands.repair import Correction, Fact, accept_again
from ..commands.unlock import Ending
from ..commands.unlock import unlock as unlock_verb
from ..core.environment.environment import Environment
from ..core.forge.intent import Provenance, Unlocking
from ..core.migration.selector import selector_from
from ..notify.listeners import listeners
from ..report import phrases
from ..report.escape import plain, prose
from .job import Job
from .records import keep_record


def unlock(job: Job, ask: Unlocking) -> int:
    """Terminates the run that holds the run lock. Raises MustWaitError if the run is active.

    If there are several environments, skips each environment whose database URL this workflow does not have.
    """
    said = [_line(job, environment, alone=len(ask.environments) == 1) for environment in ask.environments]
    page = "### 🔓 Unlock\n\n" + "".join(f"- {plain(line)}\n" for line in said)
    job.show("Unlock", "\n".join(said), page)
    if ask.pull_request is not None:
        job.answer(ask.pull_request, page)
    return 0


def _line(job: Job, environment: Environment, *, alone: bool) -> str:
    if not alone and not job.has_url_of(environment):
        return f"{environment.name}: NOT READ, because this workflow does not have {environment.url_secret}"
    request = job.wiring.request(environment.name)
    return unlock_verb(request, Ending.IDLE, databases=job.wiring.databases).verdict


def repair(job: Job, provenance: Provenance) -> int:
    """Records in the ledger that migrations may be applied again. Applies nothing. Raises UsageError. Writes."""
    inputs = job.inputs.named()
    request = job.wiring.request(inputs.environment, wait=inputs.wait)
    if inputs.dry_run:
        said = [f"{inputs.environment}: `{each}` could be applied again" for each in inputs.again]
        then = [f"next: {phrases.to_approve(inputs.environment)}"] if job.apply_follows else []
        return _repaired(job, [*said, "dry run: nothing was changed", *then])
    meant = tuple(Correction(selector_from(each, "again"), Fact.AGAIN, inputs.reason) for each in inputs.again)
    with job.wiring.notifications.alerting(request.environment, job.runner.warn) as alert:
        tell = listeners(job.hear, alert)
        entries = accept_again(request, meant, databases=job.wiring.databases, tell=tell)
    said = [f"{inputs.environment}: `{e.name}` is {e.error}; the next apply runs it" for e in entries]
    keep_record(job, provenance.sha or job.wiring.origin.commit_sha)
    return _repaired(job, said)


def _repaired(job: Job, said: list[str]) -> int:
    page = "### Repair\n\n" + "".join(f"- {prose(line)}\n" for line in said)
    job.show("Repair", "\n".join(said), page)
    return 0
