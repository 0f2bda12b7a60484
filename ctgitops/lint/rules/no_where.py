"""Reports UPDATE or DELETE without WHERE."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Reports tables in use."""
    table = case.in_use(case.node.get("relation", {}))
    joined = "fromClause" in case.node or "usingClause" in case.node
    if table and "whereClause" not in case.node and not joined:
        verb = "is gone" if case.kind == "DeleteStmt" else "is written anew in one transaction"
        yield Hit(f"every row of {called(table)} {verb}")


RULE = Rule(
    id="no-where",
    group=Group.DATA,
    severity=Severity.WARNING,
    kinds=("UpdateStmt", "DeleteStmt"),
    why="Without WHERE all rows are touched, in one transaction: each stays locked until its end, and the table "
    "grows to up to twice its size.",
    instead="say WHERE; for many rows, run in batches: `-- ctgitops: batch size=5000`",
    check=check,
    lock=LockMode.ROW_EXCLUSIVE,
    bad="update orders set note = '';",
    good="update orders set note = '' where id = 1;",
)
