"""The Action's commands that change a database: apply in the order of `after`, and rollback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..commands.apply import apply as apply_verb
from ..commands.rollback import RollbackExtent, show_rollback
from ..commands.rollback import rollback as rollback_verb
from ..core.environment.environment import Environment
from ..core.forge.forge import CommitState
from ..core.forge.intent import Applying, Provenance
from ..core.gate.request import Request
from ..core.gate.wait import PlanWait
from ..core.migration.schema_version import SchemaVersion
from ..core.migration.selector import selector_from
from ..core.plan.plan import Direction, Plan
from ..core.run.outcome import Outcome, Status
from ..core.run.progress import Listener
from ..errors import ApplyError, CtgitopsError
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
from .waiting import queue, tell_wait, wait_in, write_outputs

Verb = Callable[[Listener], Outcome]
UNKNOWN = "unknown"
"""The output `pending` if a run ended before it had a plan."""


@dataclass(frozen=True)
class Result:
    """The result of a run on one environment."""

    environment: Environment
    outcome: Outcome | CtgitopsError
    begun: Plan | None = None
    """The plan that the run began. None if the run ended before it had a plan."""

    @property
    def pending(self) -> int | None:
        """The number of migrations that are still to be applied. None if it is unknown."""
        if isinstance(self.outcome, Outcome):
            return 0 if self.outcome.done else len(self.outcome.plan.steps)
        if self.begun is None or self.begun.direction is Direction.ROLLBACK:
            return None
        failed = self.outcome if isinstance(self.outcome, ApplyError) else None
        there = {*failed.applied} - {*failed.rolled_back} if failed else set()
        return sum(step.name not in there for step in self.begun.steps)

    @property
    def exit_status(self) -> int:
        """The exit status of the outcome or error."""
        return self.outcome.exit_status

    @property
    def wait(self) -> PlanWait | None:
        """The wait that the run reported. None without a wait, or if only a person can end the wait."""
        return wait_in(self.environment, self.outcome)

    @property
    def commit_state(self) -> CommitState:
        """The state of the commit status for this result."""
        if self.wait:
            return CommitState.PENDING
        return CommitState.FAILURE if self.exit_status else CommitState.SUCCESS

    @property
    def text(self) -> str:
        """The reason why later environments are skipped."""
        odd = isinstance(self.outcome, Outcome) and self.outcome.mismatch
        ended = "differs from its prediction" if odd else "failed" if self.exit_status else "was stopped"
        return f"{self.environment.name} {ended}"


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
        result = _run_with_deployment(job, environment, verb, record)
        results.append(result)
        if isinstance(result.outcome, CtgitopsError) and job.stopping():
            _outputs(job, results)
            say_stopped(job, record.concerned(), environment.name, result.outcome)
            return result.exit_status
        _follow_up(job, result, record)
        if isinstance(result.outcome, CtgitopsError) or result.outcome.mismatch or job.stopping():
            break
    untried = [e.name for e in ask.environments[len(results) :]]
    if untried:
        job.runner.warn(f"{', '.join(untried)}: skipped, because {results[-1].text}")
    _outputs(job, results)
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
    with last_words(job, record.concerned, lambda: _cut(record, "rollback in", names), "run the job again"):
        result = _run_with_deployment(job, request.environment, verb, record)
        _outputs(job, [result])
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
    approved = job.apply_follows and _fingerprint([Result(request.environment, shown)]) != NOTHING_APPROVED
    outcome = with_inputs_of(shown, approved=approved)
    if job.apply_follows and outcome.reasons:
        outcome = replace(outcome, status=Status.WAITING)
    _show(job, request.environment, outcome)
    _outputs(job, [Result(request.environment, outcome)])
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


def _run_with_deployment(job: Job, environment: Environment, verb: Verb, record: RunRecord) -> Result:
    """Runs a command with a deployment, and adds the result to the record."""
    log = DeploymentLog(job, environment, record.sha)
    success, words = False, "interrupted"
    try:
        outcome = _heard(job, environment, verb, record, log)
        record.heard(environment.name, outcome)
        success, words = outcome.exit_status == 0, outcome_verdict(outcome)
    except CtgitopsError as error:
        words = error.what
        error.hint = with_inputs(error.hint, lambda name, steps: _last_kept(job, name, steps))
        record.heard(environment.name, error, log.plan)
        job.show_error(error, environment.name)
        if log.plan and not job.stopping():
            log.close_lost()
    else:
        _show(job, environment, outcome)  # first, because the runner may kill the run during an API call
        # Also if there was nothing to do: the run held the run lock
        log.close_lost(outcome.plan if outcome.status is Status.UP_TO_DATE else None)
    finally:
        log.end(success=success, words=words)
        record.lost_runs += tuple(log.lost_runs)
    return Result(environment, record.ended[environment.name], log.plan)


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


def _outputs(job: Job, results: list[Result]) -> None:
    outcomes = [r.outcome for r in results if isinstance(r.outcome, Outcome)]
    pending = [result.pending for result in results]
    receipts = [o.receipt for o in outcomes if o.receipt]
    versions: dict[str, SchemaVersion | None] = {
        o.plan.environment: o.plan.target_version if o.done else o.plan.current_version for o in outcomes
    }
    failed = [r.outcome for r in results if isinstance(r.outcome, ApplyError)]
    left = sum(len(error.applied) - len(error.rolled_back) for error in failed)
    job.runner.output("applied", str(sum(len(o.done) for o in outcomes) + left))
    job.runner.output("pending", str(sum(n or 0 for n in pending)) if None not in pending else UNKNOWN)
    job.runner.output("blocked", "true" if any(r.exit_status for r in results) else "false")
    job.runner.output("fingerprint", _fingerprint(results))
    job.runner.output("receipt", receipts[-1].id if receipts else "")
    job.runner.output("receipt-url", receipts[-1].receipt_at if receipts else "")
    job.runner.output("restore", receipts[-1].restore_with if receipts else "")
    write_outputs(job, [wait for r in results if (wait := r.wait)])
    job.versions(versions)


def _fingerprint(results: list[Result]) -> str:
    """The output `fingerprint`. It is NOTHING_APPROVED after the dry run of a rollback that would be refused."""
    outcome = results[0].outcome if len(results) == 1 else None
    if not isinstance(outcome, Outcome) or (outcome.preview and outcome.reasons):
        return NOTHING_APPROVED
    return outcome.plan.fingerprint
