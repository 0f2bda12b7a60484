"""Port to everything that `doctor` checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field

from ..core.doctor.diagnosis import Diagnosis
from ..lazy import dataclass

Look = Callable[[], Iterable[Diagnosis]]
"""Runs one check. Raises CtgitopsError, or any other exception, if the check is not possible."""


@dataclass(frozen=True)
class Examination:
    """Checks that run one after another, because they share a resource, such as a connection."""

    subject: str
    """The environment. Empty for the repository."""
    looks: dict[str, Look]
    """Maps the ID of each check to its function, in the order in which they run."""
    close: Callable[[], None] = field(default=lambda: None)
    """Releases the resource. It is not called after a check that hangs."""
