"""One migration of an expand and contract, before it has a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DDL, DATA, INDEXES, CONSTRAINTS, FUNCTIONS, GRANTS = range(2, 8)
"""The numbers of the parts of a migration. `core.migration.structure` has their headings."""
PRE_CHECKS = 1
NOTHING_TO_UNDO = "SELECT true AS nothing_to_undo;"
SIZE = 5000
"""The number of rows of one batch of a backfill."""


class PhaseKind(StrEnum):
    """The phases, in the order in which they are applied."""

    EXPAND = "expand"
    INDEX = "index"
    BACKFILL = "backfill"
    VALIDATE = "validate"
    CONTRACT = "contract"


@dataclass(frozen=True)
class Phase:
    """One migration: its statements by the number of their part, and its rollback."""

    kind: PhaseKind
    does: str
    """What the migration does, for the header."""
    parts: Mapping[int, str]
    impact: str
    down: str = ""
    """The SQL of the rollback file. Empty without one."""
    verify: str = ""
    rollback: str = "Available"
    """The value of the header field `Rollback`."""
    deprecates: str = ""
    """The object for the header field `Deprecates`. Empty without the field."""
    comments: tuple[str, ...] = field(default=())
    """Comments below the header, such as a directive."""


def lines(statements: Iterable[str]) -> str:
    """Statements below each other. Leaves out empty ones."""
    return "\n".join(filter(None, statements))
