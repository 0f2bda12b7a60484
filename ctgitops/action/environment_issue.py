"""Updates the issue about an environment, which shows drift, failed production runs and failed drills."""

from __future__ import annotations

from dataclasses import replace

from ..core.environment.environment import Environment, Trigger
from ..core.forge.environment_issue import EnvironmentIssue, IssueText, Topic, Trouble
from ..core.run.outcome import Outcome, Status
from ..core.view.drift import ComparisonState, DriftResult, PredecessorComparison
from ..core.view.preview import NotPlanned
from ..errors import CtgitopsError
from ..report.diff_lines import change_lines
from ..report.drift import verdict, what_next
from ..report.environment_issue import issue_text
from ..report.notification import AFTER_DRILL, of_error, of_outcome
from ..report.phrases import moment
from ..report.predecessor_comparison import comparison_next, comparison_remarks, comparison_sides, comparison_verdict
from ..report.workflow_inputs import with_inputs
from .job import Job


def tell_drift(job: Job, result: DriftResult) -> None:
    """Updates the issue after a check for drift. The issue shows drift, or why the schema could not be compared.

    Also shows the differences from the predecessor that no migration explains. They are gone if the manifest names no
    predecessor. If the predecessor's URL is not set, the issue keeps what it shows about the predecessor.
    """
    if isinstance(result, NotPlanned):
        trouble = Trouble(f"not checked, so drift is unknown: {result.error.what}", next=result.error.hint)
    elif result.changes:
        what = verdict(result).removeprefix("DRIFT: ")  # the heading says it
        trouble = Trouble(what, tuple(change_lines(result.changes)), "; ".join(what_next(result)))
    else:
        trouble = None
    tell(job, result.environment.name, Topic.DRIFT, trouble)
    if isinstance(result, NotPlanned) or (result.comparison and result.comparison.optional):
        return
    found = _difference(result.environment.name, result.comparison) if result.comparison else None
    tell(job, result.environment.name, Topic.PREDECESSOR, found)


def _difference(name: str, found: PredecessorComparison) -> Trouble | None:
    if found.state is ComparisonState.SAME:
        return None
    lines: tuple[str, ...] = ()
    if found.changes:
        lines = ("- {}, + {}".format(*comparison_sides(name, found)), "", *change_lines(found.changes))
    remarks = comparison_remarks(name, found)
    details = (*lines, *([""] if lines and remarks else []), *remarks)
    return Trouble(comparison_verdict(found), details, "; ".join(comparison_next(name, found)))


def tell_run(job: Job, environment: Environment, outcome: Outcome | CtgitopsError) -> None:
    """Shows in the issue whether the last production run failed. A run that waits does not change the issue."""
    if environment.trigger is not Trigger.RELEASE:
        return
    if isinstance(outcome, CtgitopsError):
        if outcome.exit_status == _WAITS:
            return
        failed = of_error(outcome, environment.name, job.wiring.origin)
        tell(job, environment.name, Topic.RUN, Trouble(outcome.what, failed.facts, failed.next))
    elif (outcome.status is Status.BLOCKED or outcome.mismatch) and (bad := of_outcome(outcome, job.wiring.origin)):
        tell(job, environment.name, Topic.RUN, Trouble(bad.summary, bad.facts, bad.next))
    elif outcome.status is not Status.WAITING:
        tell(job, environment.name, Topic.RUN, None)


_WAITS = 5
"""The exit status of an error that makes a run wait."""


def tell_drill(job: Job, environment: str, error: CtgitopsError | None) -> None:
    """Updates the issue after a drill. The issue shows a backup that could not be restored."""
    trouble = None if error is None else Trouble(f"the drill failed: {error.what}", (AFTER_DRILL,), error.hint)
    tell(job, environment, Topic.DRILL, trouble)


def tell(job: Job, environment: str, topic: Topic, trouble: Trouble | None) -> None:
    """Updates the issue. If `trouble` is None, ignores a missing issue and a missing permission."""
    found = trouble and replace(
        trouble,
        next=with_inputs(trouble.next),
        run_url=job.wiring.origin.run_url,
        at=moment(job.started),
    )

    def compose(memory: str) -> IssueText | None:
        return issue_text(environment, memory, topic, found)

    issue = EnvironmentIssue(job.key(f"environment-{environment}"), compose)
    job.github_writer.keep_issue(issue, needed=found is not None)
