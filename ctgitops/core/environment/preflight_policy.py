"""The preflight settings of a manifest: for each condition, whether to wait, refuse or ignore. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Then(StrEnum):
    """What is done about something that was found."""

    WAIT = "wait"
    """Until it is over, for `timeouts.retry_for` at most; then nothing is done."""
    REFUSE = "refuse"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Limits:
    """From where on something counts."""

    transaction: timedelta = timedelta(seconds=5)
    """A transaction that is open for longer is a long one."""
    lag: timedelta = timedelta(seconds=30)
    connections: int = 3
    """So many must be free."""


@dataclass(frozen=True)
class PreflightPolicy:
    """By what can be found, what is done about it."""

    long_transactions: Then = Then.WAIT
    backups: Then = Then.WAIT
    wraparound: Then = Then.WAIT
    replica_lag: Then = Then.WAIT
    connections: Then = Then.REFUSE
    limits: Limits = field(default_factory=Limits)
    asked: frozenset[str] = frozenset()
    """What the manifest names: that must be seen, and to be unable to look is a reason to refuse."""
