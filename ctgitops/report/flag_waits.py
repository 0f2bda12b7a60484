"""The migrations that wait for a flag, as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..core.plan.plan import Plan

MOST = 5
"""Maximum number of migrations that a page lists because they wait for a flag."""


def flag_waits(plans: Iterable[Plan]) -> list[str]:
    """The migrations that wait for a flag, each with the reason: `007_billing waits for the flag new-billing`."""
    found = list(dict.fromkeys(f"`{wait.name}` {wait.text}" for plan in plans for wait in plan.flag_waits))
    more = [f"and {len(found) - MOST} more wait for a flag"] if len(found) > MOST else []
    return [*found[:MOST], *more]
