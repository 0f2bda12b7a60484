"""What a migration that runs outside a transaction needs from its run: connections, the ledger, the lock check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...core.ledger.ledger import Ledger
from ...core.run.progress import Listener
from ..connection.connect import Connection


@dataclass(frozen=True)
class Run:
    """`connected` returns the run's connection, `another` a new one; `assert_lock_held` raises ApplyError otherwise."""

    connected: Callable[[], Connection]
    another: Callable[[], Connection]
    assert_lock_held: Callable[[], None]
    ledger: Callable[[], Ledger]
    tell: Listener
    environment: str
    patience: float
    """How many seconds it retries after a lock timeout."""
