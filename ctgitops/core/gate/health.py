"""The result of a health query, and its effect before and after an apply. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

from ...errors import ApplyError, Place
from ...lazy import dataclass
from .gate import Reason

if TYPE_CHECKING:
    from ..environment.apply_policy import Health
    from ..environment.environment import Environment
    from ..plan.plan import Plan


class HealthState(StrEnum):
    """The three states that a health query can report."""

    WELL = "well"
    UNWELL = "not well"
    UNKNOWN = "not known"
    """The query failed or timed out. If the query runs and does not return true, the state is `UNWELL`."""


@dataclass(frozen=True)
class HealthResult:
    """One result of a health query."""

    state: HealthState
    said: str = ""
    """If the query's result is not true, the result. If the query failed, the reason."""


def reasons_of_health(result: HealthResult, environment: Environment) -> Iterator[Reason]:
    """Reasons not to begin an apply: the database is not healthy, or its health is not known.

    If an apply began anyway, a failing health query after the run would not show whether the run caused the failure.
    """
    name = environment.name
    if result.state is HealthState.UNWELL:
        what = f"{name} is unhealthy before the apply: its health query {result.said}"
        yield Reason("health", what, f"find and remove the cause in {name}, then retry")
    elif result.state is HealthState.UNKNOWN:
        what = f"the health query of {name} could not run: {result.said}"
        yield Reason("health", what, f"correct `health.query` in {environment.path}, or remove the cause")


def unhealthy_error(result: HealthResult, health: Health, plan: Plan) -> ApplyError | None:
    """The error if the health query is not true after the last migration. Otherwise None."""
    if result.state is HealthState.WELL:
        return None
    name = plan.environment
    unwell = result.state is HealthState.UNWELL
    seconds = f"{health.within.total_seconds():g} s"
    back = "" if unwell and plan.apply_policy.rolls_back_on_failure else _rollback_hint(plan)
    error = ApplyError(
        f"the health query of {name} is no longer true: it {result.said}"
        if unwell
        else f"the health query of {name} could not run at the end of the {seconds}: {result.said}",
        place=Place(health.query.path, health.query.first_line),
        state=f"{_done(plan)} applied in {name}",
        hint=f"find the cause in {name}{back}",
    )
    error.applied = _names(plan)
    error.on_record = unwell
    return error


def _rollback_hint(plan: Plan) -> str:
    """The hint that tells a user how to roll the plan back, if the run does not do so automatically."""
    if not plan.steps:
        return "; the run applied only seed files, which cannot be rolled back"
    if stuck := next(
        (step.name for step in plan.steps if step.rollback_script is None and step.script.passed_rollback is None), ""
    ):
        return f"; {stuck} is irreversible (no rollback SQL), so only a restore of the backup undoes it"
    back = f"ctgitops rollback --env {plan.environment} --steps {len(plan.singles)}"
    return f"; `{back}` rolls back this run"


def stopped_watching(plan: Plan) -> ApplyError:
    """The error if the run is asked to stop during the health check after the last migration."""
    error = ApplyError(
        f"the run was interrupted during the health check of {plan.environment}",
        state=f"{_done(plan)} applied in {plan.environment}; the health check was not completed",
        hint=f"check the health of {plan.environment}; all migrations are applied",
    )
    error.applied = _names(plan)
    return error


def _names(plan: Plan) -> tuple[str, ...]:
    return (*(step.name for step in plan.steps), *(seed.name for seed in plan.seeds))


def _done(plan: Plan) -> str:
    names = _names(plan)
    return ", ".join(names) if len(names) <= 3 else f"{names[0]} to {names[-1]} ({len(names)} in all)"
