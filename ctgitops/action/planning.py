"""The Action's command `plan`. Plans each environment, and publishes the plans as comment, check run and summary."""

from __future__ import annotations

import sys
from dataclasses import replace

from ..commands.plan import plan as plan_verb
from ..core.forge.forge import CHECK, Check, Conclusion
from ..core.forge.intent import Planning
from ..core.gate.request import Request
from ..core.gate.review import files_of, shown_texts
from ..core.view.preview import Occasion, PlanResult, Preview, with_problems
from ..core.view.verdict import PlanState, exit_status, verdict_of, worst_state
from ..errors import CtgitopsError
from ..notify.telemetry import current
from ..report import phrases
from ..report.comment import WHOLE
from ..report.escape import prose
from ..report.json import plan_json, plans_json
from ..report.markdown import plans_markdown
from ..report.page import MAX
from ..report.text import plans_text
from ..report.workflow_inputs import results_with_inputs
from .approval import with_gates
from .base_branch import BaseCommit
from .job import LONGEST, Job, error_markdown
from .last_words import NOTHING, last_words
from .override import override_in
from .project_tests import export_schemas
from .pull_request_checks import clashes_of, merged_before, shown_now, suggest, untouched, with_reviews
from .waiting import status_of_plans

MOST_BYTES = 800_000
"""Maximum length in bytes of a plan that the job summary shows completely. The runner drops a summary above 1 MiB."""
PLAN_FILE = "ctgitops-plan.json"
NOTHING_APPROVED = "none"
"""The output `fingerprint` if there is no plan to approve. As an input, it approves no plan."""
_TITLES = {
    (True, True): "All plans are valid",
    (True, False): "A plan is blocked; the input `fail-on` allows that",
    (False, True): "A plan has warnings; the input `fail-on` does not allow them",
    (False, False): "A plan is blocked, could not be made, or has a finding of severity error",
}

UNTOUCHED = """### ⚪ No migration changed

This pull request changes no migration, seed file or manifest, so its merge changes no database.
"""
_NOT_KNOWN = "Nothing blocks the plans, but a part of them was not tried or not read"


def plan(job: Job, ask: Planning) -> int:
    """Plans every environment. Writes the log, the summary, the outputs, and a comment and check run for reviewers.

    If the plan cannot be made, the comment shows the error. The error replaces a plan for an older commit.
    """
    what = f"the plan of commit {ask.sha[:7]}" if ask.sha else "the plan"
    try:
        concerned = () if ask.pull_request is None else (ask.pull_request,)
        following = "run the job again, or push a commit: both make a new plan"
        with last_words(job, lambda: concerned, lambda: (what, NOTHING), following):
            return _planned(job, ask)
    except CtgitopsError as error:
        if ask.pull_request is not None:
            job.comment(ask.pull_request, ask.sha, error_markdown(error))
        raise


def _planned(job: Job, ask: Planning) -> int:
    requests = _requests(job, ask)
    workspace = job.wiring.workspace
    base = job.base_at(BaseCommit(ask.base_sha, ask.base_branch)) if ask.sha else None
    databases = base or job.wiring.databases
    requests = tuple(map(base.shadowed, requests)) if base else requests
    files = job.github_writer.files_of(ask.pull_request) if ask.pull_request is not None else ()
    known = merged_before(workspace, files, job.wiring.origin.folder)
    requests = tuple(replace(request, workspace=replace(request.workspace, git=known.git)) for request in requests)
    with current().block("plan"):
        results = plan_verb(requests, databases=databases, code=job.wiring.code, shadows=job.wiring.shadows)
    untested = export_schemas(job, ask, requests, databases)
    if base:
        pairs = zip(results, requests, strict=True)
        results = tuple(base.seen(result, request, job.wiring.shadows) for result, request in pairs)
    found = (*clashes_of(job, ask, files, workspace), *(base.problems if base else ()))
    results = with_gates(job, ask.event, with_problems(results, found))
    status = publish(job, ask, results, only_update=untouched(files, job.wiring.origin.folder, workspace))
    suggest(job, ask, tuple(phrases.problems(results)), files)
    return status or untested


def _later(result: PlanResult, branch: str) -> PlanResult:
    return replace(result, later_branch=branch) if branch and isinstance(result, Preview) else result


def publish(job: Job, ask: Planning, results: tuple[PlanResult, ...], *, only_update: bool = False) -> int:
    """Publishes plans in the log, summary, outputs, check run and comment. Returns the exit status.

    A pull request that changes no migration gets no comment. If it already has a comment, the comment says so.
    """
    results = tuple(_later(result, ask.base_branch) for result in results)
    origin, results = job.wiring.origin, results_with_inputs(results)
    if ask.sha:
        origin = replace(origin, commit_sha=ask.sha)
    warned = _warnings(ask, results)
    whole = _warned(warned, plans_markdown(results, origin, longest=sys.maxsize))
    has_all = len(whole.encode()) <= MOST_BYTES
    summary = whole if has_all else _warned(warned, plans_markdown(results, origin, longest=LONGEST))
    job.show("Plan", plans_text(results), summary)
    _plan_outputs(job, results, whole)
    page = whole
    if len(whole) > MAX:
        room = MAX - len(_warned(warned, "\n"))
        page = _warned(warned, plans_markdown(results, origin, longest=room, summary_has_all=has_all))
    _mark(job, ask, results, page)
    if ask.pull_request is not None:
        job.comment(ask.pull_request, ask.sha, UNTOUCHED if only_update else page, only_update=only_update)
        job.retract_answer(ask.pull_request)
    return status_of_plans(job, results, exit_status(results, job.inputs.fail_on))


def _warnings(ask: Planning, results: tuple[PlanResult, ...]) -> list[str]:
    """The warnings about the whole page: another base branch, and plans that were made without a database."""
    elsewhere = f"The base branch of this pull request is not {ask.base_branch}: its merge applies nothing. "
    then = f"The plan shows what a later merge into {ask.base_branch} applies."
    other_base = [elsewhere + then] if ask.base_branch and ask.pull_request is not None else []
    return other_base + [p.what for p in phrases.problems(results) if p.code == "not-looked"]


def _warned(warnings: list[str], page: str) -> str:
    """Adds warnings below the page's first line."""
    first, rest = page.split("\n", maxsplit=1)
    lines = "<br>".join(f"⚠️ {prose(what)}" for what in warnings)
    return f"{first}\n\n{lines}\n{rest}" if warnings else page


def _requests(job: Job, ask: Planning) -> tuple[Request, ...]:
    names = [job.inputs.environment] if job.inputs.environment else [e.name for e in ask.environments]
    requests = [
        job.wiring.request(name, target=job.inputs.to or None, approved=job.inputs.fingerprint or None)
        for name in names or job.wiring.environment_names
    ]
    override = override_in(job)
    requests = [replace(request, override=override) for request in requests]
    return tuple(shown_now(request) if ask.sha else with_reviews(job, request) for request in requests)


def _plan_outputs(job: Job, results: tuple[PlanResult, ...], whole: str) -> None:
    plans = phrases.plans(results)
    busy = [plan for plan in plans if not plan.empty]
    blocked = exit_status(results) != 0
    data = plan_json(results[0]) if len(results) == 1 else plans_json(results)
    if path := job.runner.keep(PLAN_FILE, data):
        job.runner.output("plan", path)
    if path := job.runner.keep(WHOLE, whole):
        job.runner.output("plan-page", path)
    job.runner.output("pending", str(len(phrases.steps(results)) + len({s.name for p in busy for s in p.seeds})))
    job.runner.output("blocked", "true" if blocked else "false")
    job.runner.output("fingerprint", _fingerprint(results))
    job.versions({plan.environment: plan.current_version for plan in plans})


def _fingerprint(results: tuple[PlanResult, ...]) -> str:
    """The output `fingerprint`. It is never empty, because an empty input would approve any plan.

    It is NOTHING_APPROVED if apply would refuse the plan now, or if no page suggests to apply the plan.
    """
    result = results[0] if len(results) == 1 else None
    if not isinstance(result, Preview) or result.plan.empty or result.parked or verdict_of(result).state.stops:
        return NOTHING_APPROVED
    return result.plan.fingerprint


def _mark(job: Job, ask: Planning, results: tuple[PlanResult, ...], page: str) -> None:
    """Adds annotations to a check run if possible. Otherwise adds them through the runner. Never adds them to both."""
    problems = tuple(phrases.problems(results))
    for error, names in phrases.errors_of(results).items():
        job.runner.fail(f"{phrases.joined(names)}: {error}")
    sound = exit_status(results, job.inputs.fail_on) == 0
    if ask.sha:
        title = _TITLES[sound, exit_status(results) == 0]
        title = _NOT_KNOWN if sound and worst_state(results) is PlanState.UNKNOWN else title
        conclusion = Conclusion.SUCCESS if sound else Conclusion.FAILURE
        remarks = job.annotations(problems)
        shown = shown_texts(file for p in phrases.plans(results) for file in files_of(p, job.wiring.origin.folder))
        check = Check(CHECK, ask.sha, conclusion, title, page, remarks, job.wiring.origin.run_url, shown)
        if job.github_writer.check(check):
            return
    job.annotate(problems)
    for result in results:
        told = job.apply_follows  # by `status_of_plans`
        asked = isinstance(result, Preview) and result.occasion is not Occasion.NONE and not told
        refusals = result.refusals if isinstance(result, Preview) and asked else ()
        for reason in refusals:
            job.runner.fail(f"{result.environment.name} must wait: {reason.what}\n{reason.hint}".strip())
