"""The receivers of notifications, as manifests and the policy define them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Event(StrEnum):
    """An event that receivers are notified of."""

    FAILED = "failed"
    """A run failed or was interrupted, or its plan was refused."""
    WAITING = "waiting"
    """A run changed nothing because it must wait."""
    APPLIED = "applied"
    ROLLED_BACK = "rolled-back"
    DRIFT = "drift"
    """The schema differs from the migrations' schema, or the two schemas could not be compared."""
    BACKUP = "backup"
    """A backup failed or was not proved. The run changed nothing."""
    REGRESSION = "regression"
    """A run was applied, and its load shows a regression."""


@dataclass(frozen=True)
class Receiver:
    """One receiver, with the name of the secret that has its URL. The URL itself is never stored."""

    secret: str
    events: frozenset[Event] = frozenset(Event)
    is_webhook: bool = False
    """Whether the receiver gets the JSON document. Otherwise, Apprise sends a text to the service in the URL."""
    signing_secret: str = ""
    """The name of the secret with the key that signs the JSON document. Empty for no signature."""
