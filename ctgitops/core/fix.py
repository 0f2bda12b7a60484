"""The fix for a problem with exactly one solution: replacement lines, a follow-up migration, or a new file name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Following:
    """A migration that does the rest, to be begun after the one whose lines change."""

    words: str
    sql: str
    rollback: str
    """What takes it back."""
    also: str = ""
    """What the rollback of the changed migration has to do besides."""
    makes: str = ""
    """The index that it makes in the changed migration's place, and whose rollback therefore is its own."""
    needed: bool = True
    """Whether the lines alone would leave out something that the migration is for."""


@dataclass(frozen=True)
class Lines:
    """What should stand in a file instead of the lines from `first` to `last`; none, where those should go."""

    path: str
    first: int
    last: int
    instead: tuple[str, ...]
    then: Following | None = None


@dataclass(frozen=True)
class Rename:
    """What a file should be called."""

    path: str
    to: str


Fix = Lines | Rename
