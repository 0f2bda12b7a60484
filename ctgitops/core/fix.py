"""The fix for a problem with exactly one solution: replacement lines, a follow-up migration, or a new file name."""

from __future__ import annotations

from ..lazy import dataclass


@dataclass(frozen=True)
class FollowUpMigration:
    """A new migration that a fix adds after the migration whose lines it changes."""

    words: str
    sql: str
    rollback: str
    """The SQL that rolls this migration back."""
    also: str = ""
    """SQL to add to the rollback of the changed migration."""
    makes: str = ""
    """The index that this migration creates. The changed migration no longer creates it. `rollback` drops the index."""
    needed: bool = True
    """Whether the changed lines need this migration. Without it, the changed lines have less effect than before."""


@dataclass(frozen=True)
class Lines:
    """Replaces the lines from `first` to `last` of a file with `instead`. An empty `instead` deletes these lines."""

    path: str
    first: int
    last: int
    instead: tuple[str, ...]
    then: FollowUpMigration | None = None


@dataclass(frozen=True)
class Rename:
    """Renames a file to its correct name."""

    path: str
    to: str


Fix = Lines | Rename
