"""Reports LOCK TABLE in a mode that blocks writes."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Reports SHARE and stronger modes."""
    mode = LockMode.of(case.node)
    if mode < LockMode.SHARE:
        return
    who = "reads and writes" if mode is LockMode.ACCESS_EXCLUSIVE else "writes"
    for item in case.node.get("relations", ()):
        table = case.in_use(item.get("RangeVar", {}))
        if table:
            yield Hit(f"{who} of {called(table)} wait until everything after it in this file is done", lock=mode)


RULE = Rule(
    id="lock-table",
    group=Group.LOCKS,
    severity=Severity.WARNING,
    kinds=("LockStmt",),
    why="LOCK TABLE holds its lock until the transaction ends, however long that is.",
    instead="leave it out: each statement takes the lock that it needs; or ask for a weaker mode",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    bad="lock table orders;",
    good="lock table orders in share update exclusive mode;",
)
