"""The Action's command `traffic`. Takes one sample of the load of each environment's database."""

from __future__ import annotations

from ..commands.traffic import traffic as traffic_verb
from ..errors import Cause, CtgitopsError
from ..report.escape import plain, prose
from ..report.traffic import traffic_markdown, traffic_text, traffic_verdict
from ..report.workflow_inputs import with_inputs
from .job import Job

ZONE, HOURS = "UTC", 3


def traffic(job: Job) -> int:
    """Takes a sample of one environment, or of all. Shows the quiet hours and the proposed windows. Writes.

    On a schedule, an environment that is not set up for samples is a warning and not an error: a new environment has no
    ledger before its first apply, and samples are optional.
    """
    names = [job.inputs.environment] if job.inputs.environment else job.wiring.environment_names
    statuses = []
    for name in names:
        try:
            found = traffic_verb(job.wiring.environment(name), ZONE, HOURS, databases=job.wiring.databases)
        except CtgitopsError as error:
            if job.scheduled and error.cause is Cause.NOT_SET_UP:
                _not_sampled(job, error, name)
                continue
            job.show_error(error, name)
            statuses.append(error.exit_status)
        else:
            job.show(f"{name}: {traffic_verdict(found)}", traffic_text(found), traffic_markdown(found))
    return max(statuses, default=0)


def _not_sampled(job: Job, error: CtgitopsError, name: str) -> None:
    line, hint = f"{name}: load NOT SAMPLED: {error.what}", with_inputs(error.hint)
    job.runner.warn(f"{line}\n{hint}")
    job.runner.summarise(f"⚠️ <b>{plain(line)}</b><br>{prose(hint)}.")
