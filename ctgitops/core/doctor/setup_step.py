"""A step of the setup on GitHub that a person carries out."""

from __future__ import annotations

from ...lazy import dataclass


@dataclass(frozen=True)
class SetupStep:
    """One step, such as a secret that a workflow reads."""

    what: str
    commands: str
    """The commands that carry it out, or the place in the documentation. One per line."""
    done: bool | None = None
    """Whether this is already so. None if it is unknown."""
