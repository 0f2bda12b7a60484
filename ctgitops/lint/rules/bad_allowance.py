"""Reports an allowance that is not valid."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ..rule import Group, Hit, Rule
from ..rule_input import Case


def check(_case: Case) -> Iterator[Hit]:
    """Reports nothing: these findings come from apply_allowances.py."""
    yield from ()


RULE = Rule(
    id="bad-allowance",
    group=Group.TRANSACTION,
    severity=Severity.WARNING,
    kinds=("Allowance",),
    why="An allowance without a reason, or of a rule that does not exist, allows nothing.",
    instead="write `-- ctgitops: allow RULE (reason)`, with `until 2027-01-31` and `by OWNER` where you like",
    check=check,
    bad="-- ctgitops: allow drop-colum (nothing reads it)\ncreate view small as select id from orders;",
    good="-- ctgitops: allow drop-column (nothing reads it) until 2999-12-31 by ana\nalter table orders drop "
    "column note;",
)
