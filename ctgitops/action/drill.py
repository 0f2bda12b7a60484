"""The Action's command `drill`. Restores each environment's newest backup on a throw-away server."""

from __future__ import annotations

from ..commands.backup import drill as drill_verb
from ..commands.backup import with_backups
from ..core.backup.drill import FailedDrill
from ..notify.listeners import listeners
from ..report.backups import drills_markdown, drills_text
from ..report.backups_json import drills_json
from .environment_issue import tell_drill
from .job import Job

DRILL_FILE = "ctgitops-drill.json"
NO_BACKUP = "no environment has `backup` in its manifest, so nothing was restored"


def drill(job: Job) -> int:
    """Drills one environment, or all with `backup`. Writes the log, summary, annotations and the output `drill`."""
    names = [job.inputs.environment] if job.inputs.environment else job.wiring.environment_names
    drilled = not job.inputs.environment
    chosen = with_backups((job.wiring.environment(name) for name in names), drilled=drilled)
    if not chosen:
        job.show("Drill", NO_BACKUP, f"### {NO_BACKUP}")
        job.runner.output("drill", "none")
        return 0
    results = drill_verb(chosen, backups=job.wiring.backups, tell=listeners(job.hear))
    job.show("Drill", drills_text(results), drills_markdown(results))
    job.runner.keep(DRILL_FILE, drills_json(results))
    for result in results:
        tell_drill(job, result.environment, result.error if isinstance(result, FailedDrill) else None)
        for warning in job.wiring.notifications.drill(job.wiring.environment(result.environment), result):
            job.runner.warn(warning)
    failed = [each for each in results if isinstance(each, FailedDrill)]
    for each in failed:
        job.runner.fail(f"{each.environment}: the drill failed: {each.error.what}\n{each.error.hint}".strip())
    job.runner.output("drill", "failed" if failed else "passed")
    return max(each.exit_status for each in results)
