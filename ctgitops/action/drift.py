"""The Action's command `drift`: reports manual schema changes in the log, the job summary and an output."""

from __future__ import annotations

from ..commands.drift import drift as verb
from ..core.view.drift import Drift, DriftLook, exit_status
from ..core.view.preview import Unseen
from ..report.drift import drift_json, drift_markdown, drift_text, verdict
from .job import LONGEST, Job

DRIFT_FILE = "ctgitops-drift.json"


def drift(job: Job) -> int:
    """Checks one environment, or all: log, summary, annotations, and the output `drift`."""
    names = [job.inputs.environment] if job.inputs.environment else job.wiring.environment_names
    requests = tuple(job.wiring.request(name) for name in names)
    looks = verb(requests, databases=job.wiring.databases, shadows=job.wiring.shadows)
    job.show("Drift", drift_text(looks), drift_markdown(looks, longest=LONGEST))
    job.runner.keep(DRIFT_FILE, drift_json(looks))
    for look in looks:
        _mark(job, look)
    job.runner.output("drift", _answer(looks))
    return exit_status(looks)


def _answer(looks: tuple[DriftLook, ...]) -> str:
    """The output `drift`: `unknown` if any environment could not be checked, which is not `false`."""
    if any(isinstance(look, Drift) and look.changes for look in looks):
        return "true"
    return "unknown" if any(isinstance(look, Unseen) for look in looks) else "false"


def _mark(job: Job, look: DriftLook) -> None:
    if isinstance(look, Unseen):
        job.runner.fail(f"{look.environment.name}: {look.error.what}\n{look.error.hint}".strip())
    elif look.changes:
        job.runner.fail(f"{look.environment.name}: {verdict(look)}")
