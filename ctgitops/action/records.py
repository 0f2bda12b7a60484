"""Updates, from the ledgers, the records in the comments of merged pull requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..core.forge.intent import in_order_of_after
from ..core.gate.gate import Unreadable
from ..core.ledger.ledger import Ledger, Mark
from ..core.run.outcome import Outcome
from ..core.view.pull_request_record import Ledgers, MigrationRef, brought_by, pull_requests_of, record_of, touched_by
from ..errors import CtgitopsError
from ..report.record import approved_markdown, record_markdown
from .job import Job

MOST = 30
"""Maximum number of comments that one run updates; a larger release is only in the job summary."""

Ended = Mapping[str, Outcome | CtgitopsError]


def keep_record(job: Job, sha: str, ended: Ended, merged: int | None) -> None:
    """Writes the records of the merged pull request, and of all pull requests whose migrations this run applied."""
    if job.github_writer.forge is None or job.stopping():  # a cancelled run has time only for its last words
        return
    ledgers = _ledgers(job)
    touched = touched_by(job.wiring.origin.run_url, ledgers)
    ends = {entry.name: entry.mark for entry in touched}
    failed = [name for name, mark in ends.items() if mark not in (Mark.APPLIED, Mark.ROLLED_BACK)]
    blamed = [*pull_requests_of(failed, ledgers), *([merged] if merged is not None else [])]
    numbers = dict.fromkeys([*reversed(blamed), *pull_requests_of((e.name for e in touched), ledgers)])
    for number in list(numbers)[:MOST]:
        job.comment(number, sha, _page(job, number, ledgers, ended if number in blamed else _sound(ended)))
    if len(numbers) > MOST:
        job.runner.warn(f"the records of {len(numbers) - MOST} more pull requests were not updated")


def record_now(job: Job, pull_request: int) -> str:
    """The record of a merged pull request that no run follows, as Markdown."""
    return _page(job, pull_request, _ledgers(job), {})


def _page(job: Job, pull_request: int, ledgers: Ledgers, ended: Ended) -> str:
    names = [*brought_by(pull_request, ledgers), *_added(job, pull_request)]
    names = names or [step for outcome in ended.values() for step in _steps(outcome)]
    environments = in_order_of_after(job.wiring.workspace.environments)
    record = record_markdown(record_of(names, environments, ledgers), ended, job.wiring.origin)
    return record + approved_markdown(job.github_writer.approvers(pull_request))


def _sound(ended: Ended) -> Ended:
    """The successful results of a run; its errors may belong to another pull request."""
    return {name: outcome for name, outcome in ended.items() if isinstance(outcome, Outcome)}


def _steps(outcome: Outcome | CtgitopsError) -> Iterable[MigrationRef]:
    steps = outcome.plan.steps if isinstance(outcome, Outcome) else ()
    return (MigrationRef(step.number, step.name, step.version) for step in steps)


def _added(job: Job, pull_request: int) -> tuple[MigrationRef, ...]:
    """The migrations that a pull request adds, from its list of files."""
    paths = {file.path for file in job.github_writer.files_of(pull_request) if file.added}
    folder = job.wiring.origin.folder
    found = (m for m in job.wiring.workspace.migrations if f"{folder}{m.path}" in paths)
    return tuple(MigrationRef(m.number, m.name, m.version) for m in found)


def _ledgers(job: Job) -> dict[str, Ledger | Unreadable]:
    return {environment.name: _ledger(job, environment.name) for environment in job.wiring.workspace.environments}


def _ledger(job: Job, name: str) -> Ledger | Unreadable:
    try:
        return job.wiring.databases.of(job.wiring.environment(name)).ledger()
    except CtgitopsError as error:
        return Unreadable(error.what, error.exit_status)
