"""The Action's verbs that change nothing: plan, check, status, and the last word on a closed pull request."""

from __future__ import annotations

from dataclasses import replace

from ..commands.check import check as check_verb
from ..commands.check import exit_status as check_exit_status
from ..commands.plan import plan as plan_verb
from ..commands.status import status as status_verb
from ..core.ask import Checking, Finalising, Planning
from ..core.forge import Check, Conclusion
from ..core.preview import Look, Unseen, exit_status, with_problems
from ..core.status import exit_status as status_exit_status
from ..report import words
from ..report.escape import plain
from ..report.json import plan_json, plans_json
from ..report.markdown import check_markdown, plans_markdown, statuses_markdown
from ..report.record import closed_markdown
from ..report.text import check_text, plans_text
from ..report.text_status import statuses_text
from .job import LONGEST, Job
from .records import record_now
from .reviews import clashes_of, suggest

PLAN_FILE = "ctgitops-plan.json"
CHECK = "ctgitops / plan"
_TITLES = {
    (True, True): "Every plan is sound",
    (True, False): "A plan is blocked; the workflow does not want that to fail",
    (False, True): "A plan has warnings, and the workflow wants those to fail",
    (False, False): "A plan is blocked, or could not be made",
}


def plan(job: Job, ask: Planning) -> int:
    """Every environment's plan: log, summary, outputs, and for people who review, a comment and a check."""
    names = [job.inputs.environment] if job.inputs.environment else [e.name for e in ask.environments]
    requests = tuple(
        job.wiring.request(name, target=job.inputs.to or None, approved=job.inputs.fingerprint or None)
        for name in names or job.wiring.environment_names
    )
    files = job.teller.files_of(ask.pull_request) if ask.pull_request is not None else ()
    looks = with_problems(plan_verb(requests, databases=job.wiring), clashes_of(job, ask, files))
    origin = job.wiring.origin
    if ask.sha:
        origin = replace(origin, commit_sha=ask.sha)
    job.show("Plan", plans_text(looks), plans_markdown(looks, origin, longest=LONGEST))
    _plan_outputs(job, looks)
    page = plans_markdown(looks, origin)
    _mark(job, ask, looks, page)
    if ask.pull_request is not None:
        job.comment(ask.pull_request, ask.sha, page)
    suggest(job, ask, tuple(words.problems(looks)), files)
    return exit_status(looks, job.inputs.fail_on)


def _plan_outputs(job: Job, looks: tuple[Look, ...]) -> None:
    plans = words.plans(looks)
    busy = [plan for plan in plans if not plan.empty]
    blocked = exit_status(looks) != 0
    data = plan_json(looks[0]) if len(looks) == 1 else plans_json(looks)
    if path := job.runner.keep(PLAN_FILE, data):
        job.runner.output("plan", path)
    job.runner.output("pending", str(len(words.steps(looks)) + len({s.name for p in busy for s in p.seeds})))
    job.runner.output("blocked", "true" if blocked else "false")
    job.runner.output("fingerprint", plans[0].fingerprint if len(looks) == 1 and plans else "")
    job.versions({plan.environment: plan.current_version for plan in plans})


def _mark(job: Job, ask: Planning, looks: tuple[Look, ...], page: str) -> None:
    """Remarks on lines: in a check run where there can be one, else by the runner, never twice."""
    problems = tuple(words.problems(looks))
    sound = exit_status(looks, job.inputs.fail_on) == 0
    if ask.sha:
        title = _TITLES[sound, exit_status(looks) == 0]
        conclusion = Conclusion.SUCCESS if sound else Conclusion.FAILURE
        remarks = job.annotations(problems)
        check = Check(CHECK, ask.sha, conclusion, title, page, remarks, job.wiring.origin.run_url)
        if job.teller.check(check):
            return
    job.annotate(problems)
    for look in looks:
        if isinstance(look, Unseen):
            job.runner.fail(f"{look.environment.name}: {look.error.what}\n{look.error.hint}".strip())


def check(job: Job, ask: Checking | None = None) -> int:
    """The files alone: no secret is read and no database is asked."""
    workspace = job.wiring.workspace
    problems = check_verb(workspace)
    page = check_markdown(workspace, problems, longest=LONGEST)
    if ask:
        job.runner.say(f"Only the files are checked: {ask.why}.")
        page = f"Only the files were checked: {plain(ask.why)}.\n\n{page}"
    job.show("Check", check_text(workspace, problems), page)
    job.annotate(problems)
    status = check_exit_status(problems)
    job.runner.output("blocked", "true" if status else "false")
    return status


def status(job: Job) -> int:
    """Where environments stand."""
    names = [job.inputs.environment] if job.inputs.environment else job.wiring.environment_names
    environments = tuple(job.wiring.environment(name) for name in names)
    statuses = status_verb(job.wiring.workspace, environments, databases=job.wiring)
    job.show("Status", statuses_text(statuses), statuses_markdown(statuses))
    return status_exit_status(statuses)


def finalise(job: Job, ask: Finalising) -> int:
    """The last word on a pull request that no push will write about."""
    page = record_now(job, ask.pull_request) if ask.merged else closed_markdown(job.wiring.origin)
    job.show("Closed", "Merged" if ask.merged else "Closed without being merged; nothing of it was applied", page)
    job.comment(ask.pull_request, ask.sha, page)
    return 0
