"""Reports DROP TABLE."""

from __future__ import annotations

from ...sql.nodes import dropped_names, qualified
from ..code_first import severity, unsafe_table
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Reports the tables that are in use."""
    for parts in dropped_names(case.node) if case.node.get("removeType") == "OBJECT_TABLE" else ():
        table = case.used(qualified(parts), if_exists=bool(case.node.get("missing_ok")))
        if table:
            reason = unsafe_table(case, table)
            what = f"drops `{called(table)}` with all its rows, and breaks code that still uses it"
            yield Hit(f"{what}; {reason}" if reason else what, severity=severity(reason))


RULE = Rule(
    id="drop-table",
    group=Group.DESTRUCTIVE,
    severity=Severity.WARNING,
    kinds=("DropStmt",),
    why="Dropping a table is irreversible: a rollback cannot restore its rows. DROP TABLE also locks the tables that "
    "its foreign keys reference. The finding is a notice if code can be deployed first, because a plan counts the "
    "rows and finds the code. It is a warning if the file copies the rows, or if lint does not know the table.",
    instead="deploy code that no longer uses the table, rename it, and drop it in a later release, after a backup",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    bad="drop table orders;",
    good="create view old_orders as select * from orders;",
)
