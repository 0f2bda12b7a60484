"""Runs a health query on a separate connection, once or repeatedly for a limited time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import psycopg

from ...core.gate.health import HealthResult, HealthState
from ...core.run.progress import HealthWatched, Listener
from ...errors import Cause, CtgitopsError
from ..connection.cancellable_query import exchange, rest
from ..connection.connect import Address, connect
from ..transaction.execute import verify
from ..transaction.step_failure import StepFailed

if TYPE_CHECKING:
    from ...core.environment.apply_policy import Health

SETTINGS = {"default_transaction_read_only": "on", "statement_timeout": "5s", "lock_timeout": "200ms"}


def probe(address: Address, health: Health) -> HealthResult:
    """Runs the query once, on a separate connection, in a read-only transaction.

    The result distinguishes an error from an answer other than true.
    """
    try:
        with connect(address, "ctgitops/health", SETTINGS) as connection:
            exchange(connection, "begin read only")
            verify(connection, health.query)
    except StepFailed as failed:
        said = address.hidden(failed.failure.message)
        if failed.cause is Cause.REFUTED:
            return HealthResult(HealthState.UNWELL, said.removeprefix("a verify query "))
        return HealthResult(HealthState.UNKNOWN, said)
    except (CtgitopsError, psycopg.Error) as error:
        return HealthResult(HealthState.UNKNOWN, " ".join(address.hidden(str(error)).split()))
    return HealthResult(HealthState.WELL)


def watch(address: Address, health: Health, *, before_each: Callable[[], None], tell: Listener) -> HealthResult:
    """Repeats the query until its result is not true, or until the time is over. Returns the last result.

    Raises Interrupted. Passes on an ApplyError of `before_each`.
    """
    deadline = time.monotonic() + health.within.total_seconds()
    before: HealthState | None = None
    while True:
        before_each()
        result = probe(address, health)
        left = deadline - time.monotonic()
        if result.state is not before:
            tell(HealthWatched(result, max(left, 0)))
        before = result.state
        if result.state is HealthState.UNWELL or left <= 0:
            return result
        rest(min(health.every.total_seconds(), left))
