"""Reports LOCK TABLE in a mode that blocks writes."""

from __future__ import annotations

from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, blocked_by, called


def check(case: Case) -> Hits:
    """Reports SHARE and stronger modes."""
    mode = LockMode.of(case.node)
    for item in case.node.get("relations", ()) if mode >= LockMode.SHARE else ():
        table = case.in_use(item.get("RangeVar", {}))
        if table:
            yield Hit(f"{blocked_by(mode)} `{called(table)}` until the end of the transaction", lock=mode)


RULE = Rule(
    id="lock-table",
    group=Group.LOCKS,
    severity=Severity.WARNING,
    kinds=("LockStmt",),
    why="LOCK TABLE holds its lock until the end of the transaction, even if the transaction takes long.",
    instead="omit LOCK TABLE, because each statement takes the lock that it needs; or use a weaker lock mode",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    bad="lock table orders;",
    good="lock table orders in share update exclusive mode;",
)
