"""Continuation of a deployment that had to wait: the choice of the branch or tag to deploy. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..environment.environment import Environment, Trigger
from ..gate.wait import PlanWait, wait_of
from ..ledger.ledger import Ledger, Mark

if TYPE_CHECKING:
    from ..forge.forge import WorkflowRun
    from ..gate.gate import Reason
    from ..plan.plan import Plan


class ContinuationState(StrEnum):
    """Whether to start a deployment, and if not, the reason."""

    READY = "ready"
    UP_TO_DATE = "up to date"
    WAITING = "waiting"
    RUNNING = "running"
    """A run of the workflow for this branch or tag has not ended. For example, the run waits for an approval."""
    BLOCKED = "blocked"
    """The plan is blocked, or a reason to wait does not end by itself."""
    FAILED = "failed"
    """A run failed, or was rejected or cancelled. A person must decide whether to start another run."""


@dataclass(frozen=True)
class DeployCandidate:
    """The plan of an environment for one branch or tag."""

    ref: str
    sha: str
    plan: Plan
    reasons: tuple[Reason, ...] = ()
    failed: str = ""
    """The plan's migration whose last run failed. Empty if no run failed."""


@dataclass(frozen=True)
class Continuation:
    """The decision for one environment."""

    environment: Environment
    state: ContinuationState
    ref: str = ""
    sha: str = ""
    why: str = ""
    wait: PlanWait | None = None


def may_wait(environment: Environment) -> bool:
    """Whether deployments to the environment can wait. `resume` must then continue these deployments."""
    if environment.trigger is Trigger.MANUAL:
        return False
    waits = bool(environment.windows or environment.freezes or environment.bake or environment.after)
    return waits or environment.trigger is Trigger.SCHEDULE


def continuation_of(environment: Environment, candidates: Iterable[DeployCandidate]) -> Continuation:
    """The newest candidate that can start, or the newest candidate with pending migrations, with its state.

    `candidates` are sorted, newest first. The search ends at the first candidate that the environment has applied.
    """
    newest: Continuation | None = None
    for candidate in candidates:
        if candidate.plan.empty and not candidate.plan.blocked:
            break
        found = _state_of(environment, candidate)
        if found.state is ContinuationState.READY:
            return found
        newest = newest or found
    return newest or Continuation(environment, ContinuationState.UP_TO_DATE)


def _state_of(environment: Environment, candidate: DeployCandidate) -> Continuation:
    state, why, wait = ContinuationState.READY, "", None
    if candidate.plan.blocked:
        state, why = ContinuationState.BLOCKED, next(p.what for p in candidate.plan.problems if p.blocks)
    elif candidate.failed:
        state, why = ContinuationState.FAILED, f"{candidate.failed} failed"
    elif candidate.reasons:
        wait = wait_of(environment, candidate.reasons)
        state = ContinuationState.WAITING if wait else ContinuationState.BLOCKED
        why = next((r.what for r in candidate.reasons if not r.expected), candidate.reasons[0].what)
    return Continuation(environment, state, candidate.ref, candidate.sha, why, wait)


def after_runs(chosen: Continuation, runs: tuple[WorkflowRun, ...]) -> Continuation:
    """The decision after the workflow's runs for the chosen branch or tag are known. `runs` begin with the newest run.

    A run that `resume` started counts as successful even if it must wait again. An unsuccessful run has failed, was
    rejected by a reviewer, or was cancelled. Such a run is not repeated.
    """
    if chosen.state is not ContinuationState.READY:
        return chosen
    if going := next((run for run in runs if not run.completed), None):
        return _not_started(chosen, ContinuationState.RUNNING, going.url)
    ours = next((run for run in runs if run.started_by_us and run.sha == chosen.sha), None)
    if ours and not ours.succeeded:
        return _not_started(chosen, ContinuationState.FAILED, ours.url)
    return chosen


def _not_started(chosen: Continuation, state: ContinuationState, why: str) -> Continuation:
    return Continuation(chosen.environment, state, chosen.ref, chosen.sha, why)


def failed_in(plan: Plan, ledger: Ledger) -> str:
    """The plan's first migration whose last ledger entry is a failure. Empty if there is none."""
    last = {entry.number: entry.mark for entry in ledger.entries if entry.number is not None}
    ended = (Mark.FAILED, Mark.INTERRUPTED, Mark.STARTED)
    return next((step.name for step in plan.steps if last.get(step.number) in ended), "")
