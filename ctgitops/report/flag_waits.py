"""The migrations that wait for a flag, as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from . import phrases

if TYPE_CHECKING:
    from ..core.plan.flags import FlagWait
    from ..core.plan.plan import Plan

MOST = 5
"""Maximum number of migrations that a page lists because they wait for a flag."""


def wait_words(waits: Iterable[FlagWait], one: str = "waiting", many: str = "waiting") -> str:
    """`1 migration waiting for a flag`, or `2 migrations held back` if a wait is not one for a flag."""
    found = {wait.name: wait for wait in waits}
    count = phrases.count(len(found), "migration")
    if any(wait.hold for wait in found.values()):
        return f"{count} held back"
    return f"{count} {one if len(found) == 1 else many} for a flag"


def flag_waits(plans: Iterable[Plan]) -> list[str]:
    """The migrations that wait for a flag, each with the reason: `007_billing waits for the flag new-billing`."""
    found = list(dict.fromkeys(f"`{wait.name}` {wait.text}" for plan in plans for wait in plan.flag_waits))
    more = [f"and {len(found) - MOST} more wait"] if len(found) > MOST else []
    return [*found[:MOST], *more]
