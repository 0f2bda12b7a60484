"""The command `watch`. Shows what a run of an environment is doing, until the run ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..core.activity.run_activity import Look, RunActivity

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..core.performance.record import Measuring
    from ..ports.database import Databases

KEPT = 30
"""The number of earlier observations from which rates are computed."""


def measuring(environment: Environment, *, databases: Databases) -> Measuring | None:
    """The run that has applied its plan, and may still measure the load. Read-only. Raises LedgerError."""
    policy = environment.performance
    return databases.of(environment).statistics().measuring(environment.name, policy.within) if policy else None


def watch(environment: Environment, pause: Callable[[], None], *, databases: Databases) -> Iterator[Look]:
    """Observes the run that holds the run lock, until that run ends. Yields nothing if no run holds it. Read-only.

    Calls `pause` between two observations.
    """
    with databases.of(environment).observed() as look:
        earlier: deque[RunActivity] = deque(maxlen=KEPT)
        while (now := look()) and (not earlier or now.run == earlier[-1].run):
            yield Look(now, tuple(earlier))
            earlier.append(now)
            pause()
