"""A check run that shows a run while it works."""

from __future__ import annotations

from dataclasses import dataclass

from .forge import Conclusion


@dataclass(frozen=True)
class LiveCheck:
    """A check run on a commit that is updated until the run ends."""

    name: str
    sha: str
    title: str
    summary: str
    details_url: str = ""
    conclusion: Conclusion | None = None
    """The conclusion. None while the run works."""
    number: int | None = None
    """The check run's ID. None to create the check run."""
