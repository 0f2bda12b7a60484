"""The receivers of notifications, as manifests and the policy define them."""

from __future__ import annotations

from enum import StrEnum

from ...lazy import dataclass


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
    """A run applied migrations, and the load afterwards shows a regression."""
    DRILL = "drill"
    """A drill could not restore or verify a stored backup."""
    OVERRIDE = "override"
    """A person let a run start although a gate says wait. Every receiver is notified."""


CHOSEN = tuple(event for event in Event if event is not Event.OVERRIDE)
"""The events that a receiver can choose."""


@dataclass(frozen=True)
class Receiver:
    """One receiver, with the name of the secret that has its URL. The URL itself is never stored."""

    secret: str
    events: frozenset[Event] = frozenset(Event)
    is_webhook: bool = False
    """Whether the receiver gets the JSON document. Otherwise, Apprise sends a text to the service in the URL."""
    signing_secret: str = ""
    """The name of the secret with the key that signs the JSON document. Empty for no signature."""

    def wants(self, event: Event) -> bool:
        """Whether the receiver is notified of the event."""
        return event is Event.OVERRIDE or event in self.events
