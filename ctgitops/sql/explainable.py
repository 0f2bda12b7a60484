"""Decides whether a text is a single query, whose plan EXPLAIN can show. Pure."""

from __future__ import annotations

from .parse import SqlSyntaxError, trees

_QUERIES = frozenset({"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})


def is_explainable(sql: str) -> bool:
    """Whether `sql` is exactly one query. EXPLAIN plans such a query without executing it."""
    try:
        found = trees(sql)
    except SqlSyntaxError:
        return False
    return len(found) == 1 and found[0].kind in _QUERIES and "intoClause" not in found[0].node
