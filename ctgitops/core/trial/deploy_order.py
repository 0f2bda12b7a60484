"""Deploy order: whether the schema or the code that uses it must be deployed first. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from ..plan.plan import Direction, Plan
from .code_reference import goes


class DeployOrder(StrEnum):
    """What to deploy first, so that neither schema nor code ever lacks what it needs of the other."""

    SCHEMA_FIRST = "schema-first"
    """The plan only adds: new code is deployed after it, and old code still works."""
    CODE_FIRST = "code-first"
    """The plan drops or renames: first deploy code that does not use those names."""
    SPLIT = "split"
    """The plan adds what new code needs and drops what old code uses, so neither order is safe in one deployment."""


def order_of(plans: Iterable[Plan]) -> DeployOrder | None:
    """The order for all plans together; None where they change no name that code uses."""
    seen = list(plans)
    takes = any(goes(plan) for plan in seen)
    adds = any(_adds(plan) for plan in seen)
    if takes:
        return DeployOrder.SPLIT if adds else DeployOrder.CODE_FIRST
    return DeployOrder.SCHEMA_FIRST if adds else None


def _adds(plan: Plan) -> bool:
    """Whether the plan creates a name that code can use."""
    gone = {(each.table, each.column) for each in goes(plan)}
    fresh = {(each.table, each.column) for step in plan.steps for each in step.brings}
    return plan.direction is Direction.APPLY and bool(fresh - gone)
