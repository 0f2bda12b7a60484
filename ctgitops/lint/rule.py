"""A lint rule: what it checks, why, what to do instead, and an example that PostgreSQL itself can test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from ..core.workspace.finding import Severity
from ..sql.locks import LockMode
from ..sql.nodes import Node
from .added_columns import AddedColumn
from .fixes import Fix
from .rule_input import Case, called

__all__ = ["Case", "Group", "Hit", "Hits", "LockMode", "Rule", "Severity", "blocked_by", "called", "columns"]
"""All that a module of `rules/` usually imports."""


class Group(StrEnum):
    """The topic of a rule."""

    LOCKS = "locks"
    DESTRUCTIVE = "destructive"
    COMPATIBILITY = "compatibility"
    TRANSACTION = "transaction"
    SECURITY = "security"
    DATA = "data"
    STYLE = "style"


@dataclass(frozen=True)
class Hit:
    """A violation of a rule by the statement."""

    what: str
    instead: str = ""
    """What to do in this case; empty to use the rule's own advice."""
    blocks: bool | None = None
    """Whether it blocks writes while PostgreSQL works, if that differs from the rule."""
    lock: LockMode | None = None
    """The lock, if it differs from the rule's."""
    part: Node | None = field(default=None, repr=False)
    """The ALTER TABLE action, or its definition, that violates the rule; None for the whole statement."""


Hits = Iterator[Hit]
Check = Callable[[Case], Hits]


def _none(_case: Case) -> Hits:
    return iter(())


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One check of lint. `id` never changes: people write it into their files."""

    id: str
    group: Group
    severity: Severity
    kinds: tuple[str, ...]
    """The statement kinds that it checks, by the parser's names; empty for all, and `File` for the whole file."""
    check: Check = _none
    """Finds the violations of one statement; without it, the findings come from another module of lint."""
    why: str
    """Sentences; the first one alone is the rule's description in SARIF."""
    instead: str
    """The advice, as a phrase without a full stop."""
    bad: str = ""
    """A file that violates the rule; `given` creates the tables that it needs. Empty if no SQL triggers the rule."""
    good: str = ""
    """Files with the same effect that do not violate the rule, in order, separated by `-- next file`."""
    given: str = ""
    lock: LockMode | None = None
    """The strongest lock that the bad example takes on a table in use."""
    blocks: bool = False
    """Whether that lock blocks writes during work that grows with the table's size."""
    fix: Fix | None = None
    """Rewrites a violation that gets the rule's own advice."""


def columns(test: Callable[[AddedColumn], bool], what: str) -> Check:
    """A check of every column that CREATE TABLE or ADD COLUMN defines; `what` follows the column's name."""

    def check(case: Case) -> Hits:
        return (Hit(f"`{column.name}` {what}") for column in case.written_columns() if test(column))

    return check


def blocked_by(mode: LockMode) -> str:
    """What a lock of at least SHARE blocks."""
    return "blocks reads and writes on" if mode is LockMode.ACCESS_EXCLUSIVE else "blocks writes to"
