"""Writes SQL from changed parse trees, with the part of the parser library that turns a tree into SQL."""

from __future__ import annotations

from typing import Any

from .guard import guarded
from .parse import ROOMY


@guarded("the rows that it touches")
def count_where(sql: str) -> str:
    """A query that counts the rows which the DELETE or UPDATE in `sql` touches; empty where it cannot be deparsed."""
    import postgast  # noqa: PLC0415 - see library.py

    touches = _to_rewrite(sql)
    if touches is None:
        return ""
    statement = touches.stmts[0].stmt
    kind = statement.WhichOneof("node")
    if kind not in {"delete_stmt", "update_stmt"}:
        return ""
    node = getattr(statement, kind)
    if node.HasField("with_clause") or getattr(node, "using_clause", None) or getattr(node, "from_clause", None):
        return ""
    tree = postgast.parse("select pg_catalog.count(*) from t where true")
    query = tree.stmts[0].stmt.select_stmt
    query.from_clause[0].range_var.CopyFrom(node.relation)
    if node.HasField("where_clause"):
        query.where_clause.CopyFrom(node.where_clause)
    return _deparsed(tree)


@guarded("the index")
def index_on_probe(sql: str, table: str) -> str:
    """CREATE INDEX CONCURRENTLY, rewritten for a temporary table that no other session uses.

    Empty where it cannot be deparsed.
    """
    tree = _to_rewrite(sql)
    if tree is None:
        return ""
    index = tree.stmts[0].stmt.index_stmt
    index.concurrent = index.if_not_exists = False
    index.relation.schemaname, index.relation.relname = "pg_temp", table
    index.table_space = ""
    return _deparsed(tree)


def _deparsed(tree: Any) -> str:
    """SQL of a tree; empty for constructs that are not valid in a query, such as WHERE CURRENT OF."""
    import postgast  # noqa: PLC0415 - see library.py

    try:
        return str(postgast.deparse(tree))
    except postgast.PgQueryError:
        return ""


def _to_rewrite(sql: str) -> Any:
    """The parse tree that can be deparsed; None where it is nested more deeply than protobuf's decoder allows."""
    import postgast  # noqa: PLC0415 - see library.py
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - a part of postgast's own start

    try:
        return postgast.parse(sql) if len(sql) < ROOMY else None
    except DecodeError:
        return None
