"""Reports DROP TABLE."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ...sql.nodes import dropped_names
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Reports tables in use."""
    if case.node.get("removeType") != "OBJECT_TABLE":
        return
    for parts in dropped_names(case.node):
        name = (parts[-2] if len(parts) > 1 else "", parts[-1] if parts else "")
        table = case.used(name, if_exists=bool(case.node.get("missing_ok")))
        if table:
            yield Hit(f"{called(table)} and all its rows are gone; code that still asks for it fails")


RULE = Rule(
    id="drop-table",
    group=Group.DESTRUCTIVE,
    severity=Severity.WARNING,
    kinds=("DropStmt",),
    why="No rollback brings rows back. It locks the tables that it refers to as well.",
    instead="ship code that does not use it first; rename it, wait, and drop it later; have a backup",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    bad="drop table orders;",
    good="create view old_orders as select * from orders;",
)
