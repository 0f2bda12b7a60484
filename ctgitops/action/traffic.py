"""The Action's command `traffic`. Takes one sample of the load of each environment's database."""

from __future__ import annotations

from ..commands.traffic import traffic as traffic_verb
from ..errors import CtgitopsError
from ..report.traffic import traffic_markdown, traffic_text, traffic_verdict
from .job import Job

ZONE, HOURS = "UTC", 3


def traffic(job: Job) -> int:
    """Takes a sample of one environment, or of all. Shows the quiet hours and the proposed windows. Writes."""
    names = [job.inputs.environment] if job.inputs.environment else job.wiring.environment_names
    statuses = []
    for name in names:
        try:
            found = traffic_verb(job.wiring.environment(name), ZONE, HOURS, databases=job.wiring.databases)
        except CtgitopsError as error:
            job.show_error(error, name)
            statuses.append(error.exit_status)
        else:
            job.show(f"{name}: {traffic_verdict(found)}", traffic_text(found), traffic_markdown(found))
    return max(statuses, default=0)
