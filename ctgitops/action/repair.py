"""The Action's repair: a person accepts that migrations which were rolled back are applied again, on the record."""

from __future__ import annotations

from ..commands.repair import Correction, Fact, accept_again
from ..core.forge.intent import Provenance
from ..core.migration.selector import selector_from
from ..notify.listeners import listeners
from ..report.escape import plain
from .job import Job
from .provenance import prove
from .records import keep_record


def repair(job: Job, ground: Provenance) -> int:
    """Adds a ledger entry for each migration, and applies nothing. Raises UsageError. Writes."""
    prove(job, ground)
    inputs = job.inputs.named()
    request = job.wiring.request(inputs.environment, wait=inputs.wait)
    meant = tuple(Correction(selector_from(each, "again"), Fact.AGAIN, inputs.reason) for each in inputs.again)
    entries = accept_again(request, meant, databases=job.wiring.databases, tell=listeners(job.hear))
    said = [f"{inputs.environment}: {e.name} recorded as {e.error}; the next apply runs it" for e in entries]
    page = "### Repair\n\n" + "".join(f"- {plain(line)}\n" for line in said)
    job.show("Repair", "\n".join(said), page)
    keep_record(job, ground.sha or job.wiring.origin.commit_sha, {}, None)
    return 0
