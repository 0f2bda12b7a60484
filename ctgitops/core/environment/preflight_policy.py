"""The preflight settings of a manifest: for each condition, whether to wait, refuse or ignore. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Then(StrEnum):
    """The reaction to a condition that preflight found."""

    WAIT = "wait"
    """Wait until the condition ends, for at most `timeouts.retry_for`; then end the run without changes."""
    REFUSE = "refuse"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Limits:
    """The thresholds above which a condition counts."""

    transaction: timedelta = timedelta(seconds=5)
    """A transaction that is open for longer counts as long."""
    lag: timedelta = timedelta(seconds=30)
    connections: int = 3
    """The number of connections that must be free."""


@dataclass(frozen=True)
class PreflightPolicy:
    """The reaction to each condition."""

    long_transactions: Then = Then.WAIT
    backups: Then = Then.WAIT
    wraparound: Then = Then.WAIT
    replica_lag: Then = Then.WAIT
    connections: Then = Then.REFUSE
    limits: Limits = field(default_factory=Limits)
    asked: frozenset[str] = frozenset()
    """The conditions that the manifest names: each must be checked, and a failed check is a reason to refuse."""
