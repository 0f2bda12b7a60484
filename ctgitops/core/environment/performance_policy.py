"""The performance policy of an environment: how long a run measures the load, and what counts as a regression."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class OnRegression(StrEnum):
    """What a run does if it finds a regression. Neither changes the database."""

    WARN = "warn"
    PROPOSE = "propose"
    """Also shows the command of a rollback that a person can start, and of its dry run."""


@dataclass(frozen=True)
class PerformancePolicy:
    """How a run measures the load before and after its migrations, and the thresholds of its findings."""

    within: timedelta = timedelta(minutes=15)
    """How long the run measures after the last migration."""
    before: timedelta = timedelta(seconds=10)
    """The shortest time for which the run measures before the first migration."""
    on_regression: OnRegression = OnRegression.WARN
    slower: float = 2.0
    """The factor by which the mean time of a statement must rise."""
    calls: int = 20
    """The smallest number of calls, before and after, with which two means are compared."""
    large: int = 10_000
    """The number of rows from which a sequential scan of a table counts."""
