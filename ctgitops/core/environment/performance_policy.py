"""The performance policy of an environment: how long a run measures the load, and what counts as a regression."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from ...lazy import dataclass


class OnRegression(StrEnum):
    """What a run does if it finds a regression. Neither value makes the run change the database."""

    WARN = "warn"
    PROPOSE = "propose"
    """Also shows the commands with which a person can start a rollback and its dry run."""


@dataclass(frozen=True)
class PerformancePolicy:
    """How a run measures the load before and after its migrations, and the thresholds of its findings."""

    within: timedelta = timedelta(minutes=15)
    """How long the run measures after the last migration."""
    before: timedelta = timedelta(seconds=10)
    """The shortest time for which the run measures before the first migration."""
    on_regression: OnRegression = OnRegression.WARN
    slower: float = 2.0
    """The factor by which the mean time of a statement must rise to count as a regression."""
    calls: int = 20
    """The minimum number of calls, both before and after the migrations, for a comparison of two means."""
    large: int = 10_000
    """The minimum number of rows of a table whose sequential scans are reported."""
