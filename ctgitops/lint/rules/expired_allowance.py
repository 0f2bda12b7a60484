"""Reports an allowance that has expired."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ..rule import Group, Hit, Rule
from ..rule_input import Case


def check(_case: Case) -> Iterator[Hit]:
    """Reports nothing: these findings come from apply_allowances.py."""
    yield from ()


RULE = Rule(
    id="expired-allowance",
    group=Group.TRANSACTION,
    severity=Severity.WARNING,
    kinds=("Allowance",),
    why="Somebody wanted to look at it again by then.",
    instead="do what it was waiting for, or give it a new day",
    check=check,
    bad="-- ctgitops: allow drop-column (nothing reads it) until 2020-01-31\nalter table orders drop column note;",
    good="-- ctgitops: allow drop-column (nothing reads it) until 2999-12-31 by ana\nalter table orders drop "
    "column note;",
)
