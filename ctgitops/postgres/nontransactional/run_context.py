"""Gives a migration outside a transaction access to its run: connections, the ledger, the run lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...lazy import dataclass

if TYPE_CHECKING:
    from ...core.ledger.ledger import Ledger
    from ...core.run.progress import Listener
    from ..connection.connect import Connection


@dataclass(frozen=True)
class Run:
    """The run of a migration. `connected` returns its connection. `another` opens a new connection.

    `assert_lock_held` raises ApplyError if the run lock is lost.
    """

    connected: Callable[[], Connection]
    another: Callable[[], Connection]
    assert_lock_held: Callable[[], None]
    ledger: Callable[[], Ledger]
    tell: Listener
    environment: str
    patience: float
    """How many seconds the run retries after a lock timeout."""
