"""The Action's read-only commands: check, status, drift, an offline plan, and the final comment.

`files_only` plans a pull request without secrets, such as one from a fork, and connects to no database. `_plan_intent`
in core/forge/intent.py chooses `files_only`. Later, action/fork_plan.py plans the same pull request on the default
branch.
"""

from __future__ import annotations

from dataclasses import replace

from ..commands.check import check as check_verb
from ..commands.check import exit_status as check_exit_status
from ..commands.check import lint
from ..commands.drift import Predecessors
from ..commands.drift import drift as drift_verb
from ..commands.planning.offline import OfflinePlanner
from ..commands.status import status as status_verb
from ..core.environment.environment import ShadowPolicy
from ..core.environment.environment_order import in_order_of_after
from ..core.forge.forge import ChangedFile, CommitState, Composed
from ..core.forge.intent import Checking, Finalising, Planning
from ..core.view.drift import Drift, DriftResult
from ..core.view.drift import exit_status as drift_exit_status
from ..core.view.preview import NotPlanned
from ..core.view.status import exit_status as status_exit_status
from ..core.workspace.finding import Finding
from ..report.drift import drift_json, drift_markdown, drift_text, whole_verdict
from ..report.escape import plain
from ..report.markdown import check_markdown, statuses_markdown
from ..report.record import closed_markdown
from ..report.text import check_text
from ..report.text_status import statuses_text
from .base_branch import BaseCommit
from .environment_issue import tell_drift
from .job import LONGEST, Job
from .planning import publish
from .pull_request_checks import merged_before
from .records import record_now


def check(job: Job, ask: Checking | None = None) -> int:
    """Checks the files. Needs no secrets and no database."""
    files = job.github_writer.files_of(ask.pull_request) if ask and ask.pull_request is not None else ()
    workspace = merged_before(job.wiring.workspace, files, job.wiring.origin.folder)
    changed = {file.path.removeprefix(job.wiring.origin.folder) for file in files}
    merged = {m.path for m in workspace.migrations} - changed
    problems, findings = check_verb(workspace, merged=merged), _findings(job, files)
    page = check_markdown(workspace, problems, findings, longest=LONGEST)
    if ask:
        job.runner.say(f"Only the files are checked: {ask.why}.")
        page = f"Only the files were checked: {plain(ask.why)}.\n\n{page}"
    job.show("Check", check_text(workspace, problems, findings), page)
    job.annotate((*problems, *(finding.problem for finding in findings)))
    status = check_exit_status(problems, findings)
    job.runner.output("blocked", "true" if status else "false")
    return status


def _findings(job: Job, files: tuple[ChangedFile, ...]) -> tuple[Finding, ...]:
    """Lints the files that a pull request adds or changes. If there is no pull request, lints all files."""
    folder = job.wiring.origin.folder
    only = {file.path.removeprefix(folder) for file in files if file.path.startswith(folder)}
    return lint(job.wiring.workspace, job.wiring.today, only if files else None)


def files_only(job: Job, ask: Checking) -> int:
    """Plans a pull request that gets no secrets, from its files only. Shows the plan only in the job summary."""
    changed = job.github_writer.files_of(ask.pull_request) if ask.pull_request is not None else ()
    folder = job.wiring.origin.folder
    inside = {file.path.removeprefix(folder) for file in changed if file.path.startswith(folder)}
    workspace = job.wiring.workspace
    if not any(path.endswith(".sql") for path in inside) or not workspace.environments:
        return check(job, ask)
    ordered = in_order_of_after(workspace.environments)
    planner = OfflinePlanner(job.wiring.shadows, inside, ask.why)
    # The manifest is unmerged too, so it must not choose another server for the trial or an image that runs there
    known = merged_before(workspace, changed, folder)
    requests = (replace(job.wiring.request(e.name), workspace=known).copied_where(ShadowPolicy()) for e in ordered)
    results = tuple(map(planner.preview, requests))
    return publish(job, Planning(ordered), results)


def status(job: Job, base: BaseCommit | None = None) -> int:
    """Shows the status of the environments."""
    names = [job.inputs.environment] if job.inputs.environment else job.wiring.environment_names
    requests = tuple(job.wiring.request(name) for name in names)
    databases = job.wiring.databases if base is None else job.base_at(base)
    statuses = status_verb(requests, databases=databases)
    job.show("Status", statuses_text(statuses), statuses_markdown(statuses))
    return status_exit_status(statuses)


def finalise(job: Job, ask: Finalising) -> int:
    """Writes the final comment of a closed pull request. No later push changes this comment."""
    if ask.merged:
        page = record_now(job, ask.pull_request, ask.sha)
        job.show("Closed", "Merged", page)
        job.retract_answer(ask.pull_request)
        return 0
    page = closed_markdown(job.wiring.origin)
    job.show("Closed", "Closed without being merged; nothing was applied", page)
    job.record(ask.pull_request, ask.sha, lambda now: None if now.open else Composed(page, now.memory))
    job.retract_answer(ask.pull_request)
    return 0


DRIFT_FILE = "ctgitops-drift.json"


def drift(job: Job) -> int:
    """Checks one environment, or all. Writes the log, summary, annotations and the output `drift`."""
    names = [job.inputs.environment] if job.inputs.environment else job.wiring.environment_names
    requests = tuple(job.wiring.request(name) for name in names)
    results = drift_verb(
        requests,
        databases=job.wiring.databases,
        shadows=job.wiring.shadows,
        predecessors=Predecessors(job.wiring.request, job.wiring.addresses.known),
    )
    job.show("Drift", drift_text(results), drift_markdown(results, longest=LONGEST))
    job.runner.keep(DRIFT_FILE, drift_json(results))
    for result in results:
        _mark(job, result)
        _set_status(job, result)
        tell_drift(job, result)
        for warning in job.wiring.notifications.drift(result):
            job.runner.warn(warning)
    job.runner.output("drift", _answer(results))
    return drift_exit_status(results)


def _answer(results: tuple[DriftResult, ...]) -> str:
    """The output `drift`. It is `unknown` instead of `false` if an environment was not checked or not compared."""
    if any(isinstance(result, Drift) and _differs(result) for result in results):
        return "true"
    return "unknown" if any(map(_is_unknown, results)) else "false"


def _differs(result: Drift) -> bool:
    return bool(result.changes or (result.comparison and result.comparison.changes))


def _is_unknown(result: DriftResult) -> bool:
    return isinstance(result, NotPlanned) or bool(result.comparison and result.comparison.error)


def _set_status(job: Job, result: DriftResult) -> None:
    """Sets the commit status of the checked-out commit for one environment."""
    sha = job.wiring.origin.commit_sha
    if not sha:
        return
    words = f"not checked: {result.error.what}" if isinstance(result, NotPlanned) else whole_verdict(result)
    state = CommitState.FAILURE if result.exit_status else CommitState.SUCCESS
    job.github_writer.status(sha, f"drift ({result.environment.name})", state, (words, job.wiring.origin.run_url))


def _mark(job: Job, result: DriftResult) -> None:
    if isinstance(result, NotPlanned):
        job.runner.fail(f"{result.environment.name}: {result.error.what}\n{result.error.hint}".strip())
    elif result.exit_status:
        job.runner.fail(f"{result.environment.name}: {whole_verdict(result)}")
    elif _is_unknown(result):
        job.runner.warn(f"{result.environment.name}: {whole_verdict(result)}")
