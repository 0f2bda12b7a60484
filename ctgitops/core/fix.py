"""The one answer to a problem, where there is one: lines that stand in place of others, or another name for a file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lines:
    """What should stand in a file instead of the lines from `first` to `last`; none, where those should go."""

    path: str
    first: int
    last: int
    instead: tuple[str, ...]


@dataclass(frozen=True)
class Rename:
    """What a file should be called."""

    path: str
    to: str


Fix = Lines | Rename
