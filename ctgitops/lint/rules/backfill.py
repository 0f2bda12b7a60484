"""Reports an UPDATE that can change many rows in one statement."""

from __future__ import annotations

from ...sql.nodes import walk
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Reports an UPDATE whose condition has no `=` with a constant and no IN, so that the number of rows is unknown."""
    table = case.in_use(case.node.get("relation", {}))
    where = case.node.get("whereClause")
    if table and where is not None and not case.transaction.batched and not _names_a_value(where):
        yield Hit(
            f"updates all matching rows of `{called(table)}` in one transaction and keeps them locked until COMMIT"
        )


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
    why="A backfill in one statement keeps every updated row locked until COMMIT. Meanwhile VACUUM cannot remove dead "
    "rows from any table of the database, and an interruption rolls back all of the work.",
    instead="backfill in batches: `-- ctgitops: batch size=5000`",
    check=check,
    lock=LockMode.ROW_EXCLUSIVE,
    bad="update orders set note = '' where note is null;",
    good="-- ctgitops: batch size=5000\nwith batch as (select id from orders where note is null limit $1 for update "
    "skip locked)\nupdate orders set note = '' from batch where orders.id = batch.id;",
)
