"""Reports an UPDATE that can change many rows in one statement."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ...sql.nodes import walk
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Reports an UPDATE whose condition has no `=` with a constant and no IN, so that the number of rows is unknown."""
    table = case.in_use(case.node.get("relation", {}))
    where = case.node.get("whereClause")
    if table and where is not None and not case.transaction.batched and not _names_a_value(where):
        yield Hit(f"all such rows of {called(table)} are written in one transaction, and stay locked until its end")


def _names_a_value(where: object) -> bool:
    for kind, node in walk(where):
        words = [item.get("String", {}).get("sval") for item in node.get("name", ())] if kind == "A_Expr" else []
        if words == ["="] and ("A_Const" in node.get("rexpr", {}) or node.get("kind") == "AEXPR_IN"):
            return True
    return False


RULE = Rule(
    id="backfill",
    group=Group.DATA,
    severity=Severity.WARNING,
    kinds=("UpdateStmt",),
    why="A long UPDATE keeps every row that it touched locked, keeps vacuum from cleaning up anywhere, and is lost "
    "as a whole when it is cut short.",
    instead="run it in batches: `-- ctgitops: batch size=5000`",
    check=check,
    lock=LockMode.ROW_EXCLUSIVE,
    bad="update orders set note = '' where note is null;",
    good="-- ctgitops: batch size=5000\nwith batch as (select id from orders where note is null limit $1 for update "
    "skip locked)\nupdate orders set note = '' from batch where orders.id = batch.id;",
)
