"""A check run that shows what a run is doing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import dataclass

if TYPE_CHECKING:
    from .forge import Conclusion


@dataclass(frozen=True)
class LiveCheck:
    """A check run on a commit. Each update shows what the run is doing."""

    name: str
    sha: str
    title: str
    summary: str
    details_url: str = ""
    conclusion: Conclusion | None = None
    """The conclusion. None until the run ends."""
    number: int | None = None
    """The check run's ID. None to create the check run."""
