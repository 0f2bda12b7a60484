"""Deploy order: whether the schema or the code that uses it must be deployed first. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from ..plan.plan import Direction, Plan
from .code_reference import goes


class DeployOrder(StrEnum):
    """Which of the two a team has to bring first, so that no moment has one without what it needs of the other."""

    SCHEMA_FIRST = "schema-first"
    """It only adds: code that uses it comes after, code of before runs on."""
    CODE_FIRST = "code-first"
    """Something goes: code has to do without it before."""
    SPLIT = "split"
    """It adds what new code needs and takes away what old code uses, so neither order is safe in one go."""


def order_of(plans: Iterable[Plan]) -> DeployOrder | None:
    """The order for all of these; None where the names that code uses stay as they are."""
    seen = list(plans)
    takes = any(goes(plan) for plan in seen)
    adds = any(_adds(plan) for plan in seen)
    if takes:
        return DeployOrder.SPLIT if adds else DeployOrder.CODE_FIRST
    return DeployOrder.SCHEMA_FIRST if adds else None


def _adds(plan: Plan) -> bool:
    """Whether a name is there afterwards that was not there before."""
    gone = {(each.table, each.column) for each in goes(plan)}
    fresh = {(each.table, each.column) for step in plan.steps for each in step.brings}
    return plan.direction is Direction.APPLY and bool(fresh - gone)
