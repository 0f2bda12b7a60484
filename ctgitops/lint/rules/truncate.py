"""Reports TRUNCATE."""

from __future__ import annotations

from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Reports tables in use."""
    more = ", and of every table that references it" if case.node.get("behavior") == "DROP_CASCADE" else ""
    for item in case.node.get("relations", ()):
        table = case.in_use(item.get("RangeVar", {}))
        if table and case.has_rows(table):
            yield Hit(f"deletes all rows of `{called(table)}`{more}; blocks reads and writes until COMMIT")


RULE = Rule(
    id="truncate",
    group=Group.DESTRUCTIVE,
    severity=Severity.ERROR,
    kinds=("TruncateStmt",),
    why="TRUNCATE deletes all rows, and a rollback migration cannot restore them. The statement holds an ACCESS "
    "EXCLUSIVE lock, and gives the table and its indexes new files.",
    instead="use DELETE in batches, after a backup: only a backup can restore the rows",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="truncate orders;",
    good="-- ctgitops: batch size=1000\nwith batch as (select id from orders where amount < 0 limit $1 for update "
    "skip locked)\ndelete from orders using batch where orders.id = batch.id;",
)
