"""Checks all gates of an apply before a person approves its plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..core.environment.environment import Environment
from ..core.forge.event import Dispatch, Event, Push, Refused, Release, Schedule, TagPush
from ..core.forge.intent import Provenance, provenance_of, refusal_of
from ..core.gate.gate import Reason
from ..core.gate.health import reasons_of_health
from ..core.gate.wait import wait_of
from ..core.view.preview import Occasion, PlanResult, Preview
from ..errors import CtgitopsError
from ..github.inputs import Command, Inputs, OnWait
from .job import Job
from .provenance import prove


def occasion_of(event: Event | Refused | None, inputs: Inputs) -> Occasion:
    """The event that applies the plan. The event decides whether the apply needs an approval."""
    if inputs.command is Command.APPLY and inputs.on_wait is not OnWait.AUTO and isinstance(event, Dispatch | Schedule):
        return Occasion.APPLY
    if isinstance(event, Release | TagPush):
        return Occasion.RELEASE
    if isinstance(event, Push):
        return Occasion.PUSH if event.branch == event.default_branch else Occasion.NONE
    return Occasion.RUN if isinstance(event, Dispatch | Schedule | Refused) else Occasion.NONE


def with_gates(job: Job, event: Event | Refused | None, results: tuple[PlanResult, ...]) -> tuple[PlanResult, ...]:
    """Adds to each plan the reasons why an apply by `event` would refuse the plan now. Read-only."""
    occasion = occasion_of(event, job.inputs)
    if event is None or occasion is Occasion.NONE:
        return results
    unproved = _unproved(job, event)
    return tuple(_gated(job, event, result, unproved) if isinstance(result, Preview) else result for result in results)


def _gated(job: Job, event: Event | Refused, result: Preview, unproved: tuple[Reason, ...]) -> Preview:
    occasion = occasion_of(event, job.inputs)
    another = not job.inputs.environment and occasion.triggers not in (None, result.environment.trigger)
    if result.plan.empty or another:
        return result
    found = (*unproved, *_refused(event, result.environment), *result.reasons, *_health(job, result.environment))
    reasons = tuple(dict.fromkeys(found))
    parked = job.inputs.on_wait is not OnWait.AUTO and wait_of(result.environment, reasons) is not None
    return replace(result, occasion=occasion, reasons=reasons, parked=parked and occasion.approved)


def _unproved(job: Job, event: Event | Refused) -> tuple[Reason, ...]:
    """Why the apply would refuse the commit. For example, its tag is not on the default branch."""
    provenance = event if isinstance(event, Refused) else provenance_of(event)
    if not isinstance(provenance, Provenance):
        return ()
    try:
        prove(job, provenance)
    except CtgitopsError as error:
        return (Reason("provenance", error.what, error.hint),)
    return ()


def _refused(event: Event | Refused, environment: Environment) -> Iterator[Reason]:
    if refused := event if isinstance(event, Refused) else refusal_of(event, environment):
        yield Reason("provenance", refused.why, refused.hint)


def _health(job: Job, environment: Environment) -> tuple[Reason, ...]:
    """Runs the health query as the apply does. Returns a reason to wait if the result is not true. Read-only."""
    health = environment.apply_policy.health
    if health is None:
        return ()
    try:
        return tuple(reasons_of_health(job.wiring.databases.of(environment).probe(health), environment))
    except CtgitopsError as error:
        return (Reason("health", f"the health query could not run: {error.what}", error.hint),)
