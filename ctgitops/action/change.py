"""The Action's commands that change a database: apply in the order of `after`, and rollback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from ..commands.apply import apply as apply_verb
from ..commands.rollback import RollbackExtent, show_rollback
from ..commands.rollback import rollback as rollback_verb
from ..core.environment.environment import Environment
from ..core.forge.intent import Applying, Provenance
from ..core.gate.request import Request
from ..core.migration.selector import selector_from
from ..core.run.outcome import Outcome, Status
from ..core.run.progress import Listener
from ..errors import CtgitopsError
from ..notify.listeners import completed, listeners
from ..report.load import load_warnings
from ..report.markdown import outcome_markdown
from ..report.outcome_text import outcome_text, outcome_verdict
from ..report.workflow_inputs import with_inputs, with_inputs_of
from .deployment_log import SHA, DeploymentLog
from .environment_issue import tell_run
from .job import LONGEST, Job
from .last_words import NOTHING, last_words, say_stopped
from .live_check import RunningCheck
from .override import override_in
from .planning import NOTHING_APPROVED
from .provenance import prove
from .pull_request_checks import with_reviews
from .records import RunRecord
from .results import Result, fingerprint_of, set_outputs
from .waiting import queue, tell_wait

Verb = Callable[[Listener], Outcome]


def apply(job: Job, ask: Applying) -> int:
    """Applies to each environment in order. Stops after the first error."""
    _ = job.inputs.approved, override_in(job)  # raise UsageError before anything else
    record = RunRecord(job, ask.provenance.sha or job.wiring.origin.commit_sha, ask.provenance.pull_request)
    names = [environment.name for environment in ask.environments]
    with last_words(job, record.concerned, lambda: _cut(record, "apply to", names), "run the job again"):
        return _applied(job, ask, record)


def _cut(record: RunRecord, doing: str, names: list[str]) -> tuple[str, str]:
    """The cancelled part of the run and the state of the database, if a signal arrives between migrations."""
    if left := [name for name in names if name not in record.ended]:
        return f"the {doing} {', '.join(left)}", completed() or NOTHING
    return (
        f"the run after its {doing} {', '.join(names)}",
        "the ledger records the changes; the text below is older",
    )


def _applied(job: Job, ask: Applying, record: RunRecord) -> int:
    # Found before anything is applied, because the ledger entries name the pull request.
    if record.merged is None and ask.provenance.sha and not ask.provenance.tag:
        record.merged = job.github_writer.pull_request_of(record.sha)
    prove(job, ask.provenance)
    results: list[Result] = []
    for environment in ask.environments:
        verb = _applying(job, environment, record.merged)
        with _run_with_deployment(job, environment, verb, record) as result:
            results.append(result)
            if isinstance(result.outcome, CtgitopsError) and job.stopping():
                set_outputs(job, results)
                say_stopped(job, record.concerned(), environment.name, result.outcome)
                return result.exit_status
            _follow_up(job, result, record)
            if result.begun:
                record.write()
        if isinstance(result.outcome, CtgitopsError) or result.outcome.mismatch or job.stopping():
            break
    untried = [e.name for e in ask.environments[len(results) :]]
    if untried:
        job.runner.warn(f"{', '.join(untried)}: skipped, because {results[-1].text}")
    set_outputs(job, results)
    if not results[-1].begun:
        record.write()
    failed = (r.exit_status for r in results if not (r.wait and job.passes_waits))
    return next((status for status in failed if status), 0)


def _follow_up(job: Job, result: Result, record: RunRecord) -> None:
    """If the environment waits, queues its deployment. In any case, sets the commit status for the environment."""
    sha = record.sha
    words = outcome_verdict(result.outcome) if isinstance(result.outcome, Outcome) else result.outcome.what
    if wait := result.wait:
        tell_wait(job, wait)
        words = f"waits {wait.text}"
        if SHA.fullmatch(sha):
            queue(job, wait, sha)
    tell_run(job, result.environment, result.outcome)
    sent = () if job.stopping() else job.wiring.notifications.result(result.environment, result.outcome, record.merged)
    for warning in (*load_warnings(result.outcome), *sent):
        job.runner.warn(warning)
    if SHA.fullmatch(sha):
        told = (words, job.wiring.origin.run_url)
        job.github_writer.status(sha, result.environment.name, result.commit_state, told)


def rollback(job: Job, provenance: Provenance) -> int:
    """Rolls back one environment to its state after a given migration. Writes to the database."""
    prove(job, provenance)
    inputs = job.inputs
    request = job.wiring.request(
        inputs.environment, approved=inputs.approved, wait=inputs.wait, accepted_losses=inputs.accept_data_loss
    )
    back = RollbackExtent(to=selector_from(inputs.to, "to"), steps=0)
    if inputs.dry_run:
        return _only_shown(job, request, back)

    def verb(tell: Listener) -> Outcome:
        return rollback_verb(request, back, databases=job.wiring.databases, backups=job.wiring.backups, tell=tell)

    record = RunRecord(job, provenance.sha or job.wiring.origin.commit_sha)
    names = [request.environment.name]
    with (
        last_words(job, record.concerned, lambda: _cut(record, "rollback in", names), "run the job again"),
        _run_with_deployment(job, request.environment, verb, record) as result,
    ):
        set_outputs(job, [result])
        if isinstance(result.outcome, CtgitopsError) and job.stopping():
            say_stopped(job, record.concerned(), inputs.environment, result.outcome)
        else:
            _follow_up(job, result, record)
            record.write()
        return result.exit_status


def _only_shown(job: Job, request: Request, back: RollbackExtent) -> int:
    """Shows what a rollback would run and destroy. Makes no deployment and no record. Read-only.

    If a job that rolls back follows, a refused rollback waits, and does not count as a successful dry run.
    """
    shown = show_rollback(request, back, databases=job.wiring.databases, shadows=job.wiring.shadows)
    approved = job.apply_follows and fingerprint_of([Result(request.environment, shown)]) != NOTHING_APPROVED
    outcome = with_inputs_of(shown, approved=approved)
    if job.apply_follows and outcome.reasons:
        outcome = replace(outcome, status=Status.WAITING)
    _show(job, request.environment, outcome)
    set_outputs(job, [Result(request.environment, outcome)])
    return outcome.exit_status


def _applying(job: Job, environment: Environment, merged: int | None) -> Verb:
    def verb(tell: Listener) -> Outcome:
        inputs = job.inputs
        request = job.wiring.request(
            environment.name, target=inputs.to or None, approved=inputs.approved, wait=inputs.wait
        )
        request = replace(with_reviews(job, request), override=override_in(job), refuses_findings=True)
        if merged is not None:
            request = replace(request, origin=replace(request.origin, pull_request=merged))
        return apply_verb(
            request, databases=job.wiring.databases, backups=job.wiring.backups, tell=tell, shadows=job.wiring.shadows
        )

    return verb


@contextmanager
def _run_with_deployment(job: Job, environment: Environment, verb: Verb, record: RunRecord) -> Iterator[Result]:
    """Runs a command with a deployment, and adds the result to the record.

    The deployment gets its final state after the block, which publishes the result. If the run is killed in the block,
    the next run finds the unfinished deployment, and publishes the result.
    """
    log = DeploymentLog(job, environment, record.sha)
    try:
        outcome = _concluded(job, environment, verb, (record, log))
        record.lost_runs += tuple(log.lost_runs)
        yield Result(environment, outcome, log.plan)
    finally:
        ended = record.ended.get(environment.name)  # also known if the interrupt came while GitHub was called
        words = outcome_verdict(ended) if isinstance(ended, Outcome) else ended.what if ended else "interrupted"
        log.end(success=ended is not None and ended.exit_status == 0, words=words)


def _concluded(
    job: Job, environment: Environment, verb: Verb, to: tuple[RunRecord, DeploymentLog]
) -> Outcome | CtgitopsError:
    """Runs a command. Shows its outcome or error, and closes the deployments of killed runs."""
    record, log = to
    try:
        outcome = _heard(job, environment, verb, record, log)
    except CtgitopsError as error:
        error.hint = with_inputs(error.hint, lambda name, steps: _last_kept(job, name, steps))
        record.heard(environment.name, error, log.plan)
        job.show_error(error, environment.name)
        if log.plan and not job.stopping():
            log.close_lost()
        return error
    record.heard(environment.name, outcome)
    _show(job, environment, outcome)  # first, because the runner may kill the run during an API call
    # Also if there was nothing to do: the run held the run lock
    log.close_lost(outcome.plan if outcome.status is Status.UP_TO_DATE else None)
    return outcome


def _heard(job: Job, environment: Environment, verb: Verb, record: RunRecord, log: DeploymentLog) -> Outcome:
    """Runs a command. The log, the deployment, the check run and the receivers get its progress events."""
    with (
        RunningCheck(job, environment, record.sha) as check,
        job.wiring.notifications.alerting(environment, job.runner.warn, record.merged) as alert,
    ):
        try:
            outcome = with_inputs_of(verb(listeners(job.hear, log.hear, check.hear, alert)))
        except CtgitopsError as error:
            check.end(success=False, words=error.what)
            raise
        check.end(success=outcome.exit_status == 0, words=outcome_verdict(outcome))
        return outcome


def _last_kept(job: Job, environment: str, steps: int) -> str:
    """The applied migration before the newest `steps` migrations, or `0`. Raises ValueError if it is unknown."""
    try:
        order = job.wiring.databases.of(job.wiring.environment(environment)).ledger().in_order
    except CtgitopsError:
        raise ValueError from None
    return order[-steps - 1].name if len(order) > steps else "0"


def _show(job: Job, environment: Environment, outcome: Outcome) -> None:
    page = outcome_markdown(outcome, job.wiring.origin, longest=LONGEST)
    job.show(f"{environment.name}: {outcome_verdict(outcome)}", outcome_text(outcome), page)
    if outcome.mismatch:
        job.runner.fail(f"{environment.name}: {outcome_verdict(outcome)}")
    job.annotate(outcome.objections)
    for problem in (p for p in outcome.plan.problems if p.code == "not-reviewed"):
        job.runner.warn(f"{environment.name}: {problem.what}\n{problem.hint}".strip())
    refused_before_approval = outcome.preview and outcome.status is Status.WAITING
    for reason in outcome.reasons:
        tell = job.runner.fail if refused_before_approval else job.runner.warn
        tell(f"{environment.name} waits: {reason.what}\n{reason.hint}".strip())
