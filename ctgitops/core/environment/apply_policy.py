"""The apply policy of an environment: transaction scope, action after a failure, and health check."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from ...lazy import dataclass

if TYPE_CHECKING:
    from ...sql.script import Script


class TransactionScope(StrEnum):
    """Which migrations share a transaction."""

    EACH = "each"
    """Each migration has its own transaction."""
    ALL = "all"
    """All pending migrations share one transaction. Either all are applied, or all are rolled back."""


class OnFailure(StrEnum):
    """What a failed run does with the migrations that it has applied."""

    STOP = "stop"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Health:
    """A query that checks whether the database serves its users, and for how long apply repeats the query."""

    query: Script
    within: timedelta = timedelta(minutes=5)
    every: timedelta = timedelta(seconds=10)


def connections_for(builds: int) -> int:
    """The connections that index builds need at the same time: one each, and one that reads their progress."""
    return builds + 1 if builds > 1 else 0


def builds_text(builds: int, memory: str) -> str:
    """What index builds at the same time need. `memory` is the manifest's `maintenance_work_mem`, or empty."""
    each = f"maintenance_work_mem of {memory}" if memory else "maintenance_work_mem"
    needs = f"{connections_for(builds)} more connections and {builds} times {each}"
    return f"up to {builds} index builds at the same time, which need {needs}"


@dataclass(frozen=True)
class ApplyPolicy:
    """The apply policy of one environment."""

    transaction: TransactionScope = TransactionScope.EACH
    on_failure: OnFailure = OnFailure.STOP
    health: Health | None = None
    parallel: int = 1
    """The largest number of index builds that run at the same time."""
    maintenance_work_mem: str = ""
    """The `maintenance_work_mem` of the migrations' sessions, such as `256MB`. Empty for the server's setting."""

    @property
    def single_transaction(self) -> bool:
        """Whether all pending migrations share one transaction."""
        return self.transaction is TransactionScope.ALL

    @property
    def rolls_back_on_failure(self) -> bool:
        """Whether a failed run automatically rolls back the migrations that it applied."""
        return self.on_failure is OnFailure.ROLLBACK

    @property
    def identity(self) -> tuple[str, ...]:
        """The settings that a fingerprint includes. Empty if all settings have their defaults.

        `parallel` is not one of them: `Plan.fingerprint` includes it if the plan has builds that it affects.
        """
        said = [f"transaction: {self.transaction}"] if self.single_transaction else []
        said += [f"on_failure: {self.on_failure}"] if self.rolls_back_on_failure else []
        if self.health:
            said += [self.health.query.checksum, str(self.health.within), str(self.health.every)]
        return tuple(said)
