"""The apply policy of an environment: transaction scope, action after a failure, and health check."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from ...sql.script import Script


class TransactionScope(StrEnum):
    """What shares a transaction."""

    EACH = "each"
    """Each migration has its own."""
    ALL = "all"
    """All that is pending: it is applied together, or nothing of it leaves a trace."""


class OnFailure(StrEnum):
    """What becomes of what a run had applied before it failed."""

    STOP = "stop"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Health:
    """A query that says whether whoever uses the database is well, and for how long it is asked after an apply."""

    query: Script
    within: timedelta = timedelta(minutes=5)
    every: timedelta = timedelta(seconds=10)


@dataclass(frozen=True)
class ApplyPolicy:
    """All of it, for one environment."""

    transaction: TransactionScope = TransactionScope.EACH
    on_failure: OnFailure = OnFailure.STOP
    health: Health | None = None

    @property
    def together(self) -> bool:
        """Whether all that is pending is one transaction."""
        return self.transaction is TransactionScope.ALL

    @property
    def takes_back(self) -> bool:
        """Whether what a run applied is taken back by itself when it fails."""
        return self.on_failure is OnFailure.ROLLBACK

    @property
    def identity(self) -> tuple[str, ...]:
        """What a fingerprint must notice; nothing, where all is as it is without these keys."""
        said = [f"transaction: {self.transaction}"] if self.together else []
        said += [f"on_failure: {self.on_failure}"] if self.takes_back else []
        if self.health:
            said += [self.health.query.checksum, str(self.health.within), str(self.health.every)]
        return tuple(said)
