"""Reports plans that wait: sets outputs, queues the deployment, and shows the next step."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

from ..core.environment.environment import Environment, Trigger
from ..core.forge.forge import Deployment, DeploymentState
from ..core.gate.gate import Reason
from ..core.gate.wait import PlanWait, wait_of
from ..core.run.outcome import Outcome, Status
from ..core.view.preview import PlanResult, Preview
from ..core.view.verdict import PlanState, verdict_of
from ..report import phrases
from ..report.escape import plain, prose
from .job import Job
from .records import RunRecord

MUST_WAIT = 5
"""The exit status of a plan that waits."""
_UNAPPROVED = Reason("approval", "its plan needs an approval")


def wait_in(environment: Environment, outcome: object) -> PlanWait | None:
    """The wait that an outcome reports. None without a wait, or if only a person can end the wait."""
    if isinstance(outcome, Outcome) and outcome.status is Status.WAITING and not outcome.receipt:
        return wait_of(environment, outcome.reasons)
    return None


def write_outputs(job: Job, waits: Iterable[PlanWait]) -> None:
    """Sets the outputs `waiting` and `waits-until`."""
    found = tuple(waits)
    ends = [wait.until for wait in found if wait.until]
    known = bool(found) and len(ends) == len(found)
    job.runner.output("waiting", "true" if found else "false")
    job.runner.output("waits-until", f"{max(ends).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if known else "")


def tell_wait(job: Job, wait: PlanWait) -> None:
    """Reports how long an environment waits, and the next step. If the wait makes the step fail, reports an error."""
    name = wait.environment.name
    line = f"{name} waits {wait.text}; nothing was changed"
    after = phrases.resumed_by(wait.environment)
    (job.runner.warn if job.passes_waits else job.runner.fail)(f"{line}\n{after}")
    job.runner.summarise(f"⏳ <b>{plain(line)}</b><br>{prose(after)}.")


def queue(job: Job, wait: PlanWait, sha: str) -> None:
    """Creates the deployment in the state `queued`. A scheduled run does nothing: the deployment exists."""
    if job.scheduled:
        return
    words = f"waits {wait.text}"
    live = wait.environment.trigger is Trigger.RELEASE
    number = job.github_writer.deploy(Deployment(wait.environment.name, sha, words, production=live))
    if number is not None:
        job.github_writer.deployed(number, DeploymentState.QUEUED, words, job.wiring.origin.run_url)


def _keep_records(job: Job, results: tuple[PlanResult, ...]) -> None:
    """Writes what the apply step meets into the records of pull requests. They no longer wait for the release."""
    record = RunRecord(job, job.wiring.origin.commit_sha)
    for result in results:
        if isinstance(result, Preview) and (outcome := _expected(result)):
            record.heard(result.environment.name, outcome)
    if record.ended:
        record.write()


def _expected(result: Preview) -> Outcome | None:
    """The outcome of the apply step that follows now: a wait, or a refusal. None if the step has nothing to do."""
    if wait_of(result.environment, result.reasons):
        return Outcome(result.plan, Status.WAITING, reasons=result.reasons)
    if result.plan.empty or not result.occasion.approved:
        return None
    state = verdict_of(result).state
    if state in (PlanState.BLOCKED, PlanState.HELD_BACK):
        return Outcome(result.plan, Status.BLOCKED)
    return Outcome(result.plan, Status.WAITING, reasons=result.reasons if state.stops else (_UNAPPROVED,))


def status_of_plans(job: Job, results: tuple[PlanResult, ...], status: int) -> int:
    """The exit status of a plan step whose plan may wait. Without the input `on-wait`, returns `status`.

    The input `on-wait` means that an apply step follows. While the plan waits, this apply step needs no approval.
    """
    waiting = [
        (result.environment, result.reasons) for result in results if isinstance(result, Preview) and result.reasons
    ]
    waits = [wait for environment, reasons in waiting if (wait := wait_of(environment, reasons))]
    write_outputs(job, waits)
    if not job.apply_follows:
        return status
    if not job.scheduled:
        _keep_records(job, results)
    for wait in waits:
        tell_wait(job, wait)
        queue(job, wait, job.wiring.origin.commit_sha)
    for environment, reasons in waiting:
        for reason in reasons if wait_of(environment, reasons) is None else ():
            job.runner.fail(f"{environment.name} must wait: {reason.what}\n{reason.hint}".strip())
    only_waits = len(waits) == len(waiting) and job.passes_waits
    return (0 if only_waits else MUST_WAIT) if waiting and status in (0, MUST_WAIT) else status
