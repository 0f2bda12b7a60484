"""A lint rule: what it checks, why, what to do instead, and an example that PostgreSQL itself can test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from ..core.workspace.finding import Severity
from ..sql.locks import LockMode
from ..sql.nodes import Node
from .rule_input import Case


class Group(StrEnum):
    """What a rule is about."""

    LOCKS = "locks"
    DESTRUCTIVE = "destructive"
    COMPATIBILITY = "compatibility"
    TRANSACTION = "transaction"
    SECURITY = "security"
    DATA = "data"
    STYLE = "style"


@dataclass(frozen=True)
class Hit:
    """A rule speaks against the statement."""

    what: str
    instead: str = ""
    """What to do here; empty: what the rule says."""
    blocks: bool | None = None
    """Whether it blocks writes while it works, where that differs from what the rule says."""
    lock: LockMode | None = None
    """The lock, where it is another than the rule's."""
    part: Node | None = field(default=None, repr=False)
    """The part of an ALTER TABLE that it is about, or what that part defines; None: the whole statement."""


Check = Callable[[Case], Iterator[Hit]]


@dataclass(frozen=True)
class Rule:
    """One thing that lint looks for. `id` is for ever: people write it into their files."""

    id: str
    group: Group
    severity: Severity
    kinds: tuple[str, ...]
    """The statements that it looks at, by the parser's names; none: all."""
    why: str
    instead: str
    check: Check
    bad: str
    """A file that it speaks against; tables that the example needs are in `given`. Empty: no SQL provokes it."""
    good: str
    """Files that do the same and that no rule speaks against, one after the other, divided by `-- next file`."""
    given: str = ""
    lock: LockMode | None = None
    """The strongest lock that the bad example takes on a table in use."""
    blocks: bool = False
    """Whether that lock blocks writes while PostgreSQL does work that grows with the table."""
