"""Reports UPDATE or DELETE without WHERE."""

from __future__ import annotations

from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Reports tables in use."""
    table = case.in_use(case.node.get("relation", {}))
    joined = "fromClause" in case.node or "usingClause" in case.node
    if table and "whereClause" not in case.node and not joined:
        verb = "deletes" if case.kind == "DeleteStmt" else "updates"
        yield Hit(f"{verb} every row of `{called(table)}` in one transaction")


RULE = Rule(
    id="no-where",
    group=Group.DATA,
    severity=Severity.WARNING,
    kinds=("UpdateStmt", "DeleteStmt"),
    why="UPDATE or DELETE without WHERE affects every row in one transaction. All rows stay locked until COMMIT, and "
    "an UPDATE can double the size of the table.",
    instead="add a WHERE clause; for many rows, use batches: `-- ctgitops: batch size=5000`",
    check=check,
    lock=LockMode.ROW_EXCLUSIVE,
    bad="update orders set note = '';",
    good="update orders set note = '' where id = 1;",
)
