"""Defines a lint rule: the check, the reason, the advice, and examples that tests run on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from ..core.workspace.finding import Severity
from ..lazy import dataclass
from ..sql.locks import LockMode
from .rule_input import Case, called

if TYPE_CHECKING:
    from ..sql.name_changes import ConflictTarget
    from ..sql.nodes import Node
    from .added_columns import AddedColumn
    from .fixes import Fix

__all__ = ["Case", "Group", "Hit", "Hits", "LockMode", "Rule", "Severity", "blocked_by", "called", "columns"]
"""The names that modules in `rules/` usually import."""


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
    """A statement's violation of a rule."""

    what: str
    instead: str = ""
    """Advice for this case. Empty to use the rule's advice."""
    blocks: bool | None = None
    """Overrides the rule's `blocks`. None keeps the rule's value."""
    lock: LockMode | None = None
    """Overrides the rule's `lock`. None keeps the rule's value."""
    severity: Severity | None = None
    """Overrides the rule's `severity`. None keeps the rule's value. A severity in the policy has precedence."""
    conflict_target: ConflictTarget | None = None
    """The dropped unique constraint or index to search for in code. None for other violations."""
    part: Node | None = field(default=None, repr=False)
    """The part that violates the rule: an ALTER TABLE action, or its definition. None for the whole statement."""


Hits = Iterator[Hit]
Check = Callable[[Case], Hits]


def _none(_case: Case) -> Hits:
    return iter(())


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One check of lint. An `id` must never change, because users write IDs into their files."""

    id: str
    group: Group
    severity: Severity
    kinds: tuple[str, ...]
    """The kinds of statements to check, as the parser names them. Empty for all kinds, `File` for the whole file."""
    check: Check = _none
    """Finds the violations in one statement. A rule without its own check describes findings of another module."""
    why: str
    """The reason, in sentences. The first sentence is also the rule's description in SARIF."""
    instead: str
    """The advice, as a phrase without a full stop."""
    bad: str = ""
    """An SQL file that violates the rule after `given` has run. Empty if no SQL violates the rule."""
    good: str = ""
    """SQL files that have the same effect without violating the rule, in order and separated by `-- next file`."""
    given: str = ""
    lock: LockMode | None = None
    """The strongest lock that the bad example takes on a table in use."""
    blocks: bool = False
    """Whether the lock blocks writes during work that takes longer for a larger table."""
    fix: Fix | None = None
    """Fixes a violation whose `Hit.instead` is empty."""


def columns(test: Callable[[AddedColumn], bool], what: str) -> Check:
    """A check of each column that CREATE TABLE or ADD COLUMN defines. The message is the column's name, then `what`."""

    def check(case: Case) -> Hits:
        return (Hit(f"`{column.name}` {what}") for column in case.written_columns() if test(column))

    return check


def blocked_by(mode: LockMode) -> str:
    """The statements that a lock in the mode `mode` blocks, as text. `mode` must be SHARE or stronger."""
    return "blocks reads and writes on" if mode is LockMode.ACCESS_EXCLUSIVE else "blocks writes to"
