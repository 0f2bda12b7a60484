"""The fix for a problem with exactly one solution: replacement lines, a follow-up migration, or a new file name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Following:
    """A follow-up migration, begun after the one whose lines change."""

    words: str
    sql: str
    rollback: str
    """The SQL that reverts it."""
    also: str = ""
    """What the rollback of the changed migration must do in addition."""
    makes: str = ""
    """The index that it creates instead of the changed migration, and that its own rollback drops."""
    needed: bool = True
    """Whether the changed lines alone would leave out a part of the migration's purpose."""


@dataclass(frozen=True)
class Lines:
    """Replacement for the lines from `first` to `last` of a file; empty where they should be deleted."""

    path: str
    first: int
    last: int
    instead: tuple[str, ...]
    then: Following | None = None


@dataclass(frozen=True)
class Rename:
    """The correct name of a file."""

    path: str
    to: str


Fix = Lines | Rename
