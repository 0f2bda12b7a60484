"""Rewrites statements as protobuf trees, and deparses trees. Imports postgast late, because that takes 70 ms."""

from __future__ import annotations

import json
from typing import Any

from .isolation import isolated
from .libpg_query import ROOMY


def preload() -> None:
    """Imports all dependencies of this module. Needed in a process that cannot open files later."""
    target_as_sql(b'{"ResTarget": {"val": {"A_Const": {"isnull": true}}}}')


@isolated
def count_as_sql(sql: bytes) -> bytes:
    """A query that counts the rows that the DELETE or UPDATE in `sql` changes. Empty without such a query."""
    import postgast  # noqa: PLC0415 - see above

    touches = _to_rewrite(sql.decode())
    if touches is None:
        return b""
    statement = touches.stmts[0].stmt
    kind = statement.WhichOneof("node")
    if kind not in {"delete_stmt", "update_stmt"}:
        return b""
    node = getattr(statement, kind)
    if node.HasField("with_clause") or getattr(node, "using_clause", None) or getattr(node, "from_clause", None):
        return b""
    tree = postgast.parse("select pg_catalog.count(*) from t where true")
    query = tree.stmts[0].stmt.select_stmt
    query.from_clause[0].range_var.CopyFrom(node.relation)
    if node.HasField("where_clause"):
        query.where_clause.CopyFrom(node.where_clause)
    return _deparsed(tree)


@isolated
def index_as_sql(asked: bytes) -> bytes:
    """Rewrites a CREATE INDEX CONCURRENTLY as a plain CREATE INDEX on a temporary table.

    Empty if the statement cannot be deparsed. `asked` is JSON: the statement, and the name of the temporary table.
    """
    sql, table = json.loads(asked)
    tree = _to_rewrite(sql)
    if tree is None:
        return b""
    index = tree.stmts[0].stmt.index_stmt
    index.concurrent = index.if_not_exists = False
    index.relation.schemaname, index.relation.relname = "pg_temp", table
    index.table_space = ""
    return _deparsed(tree)


@isolated
def target_as_sql(target: bytes) -> bytes:
    """A SELECT of `target`, a parse tree in JSON. Empty if the target is nested too deeply to be deparsed."""
    select = {"targetList": [json.loads(target)], "limitOption": "LIMIT_OPTION_DEFAULT", "op": "SETOP_NONE"}
    return _from_json({"SelectStmt": select})


@isolated
def statement_as_sql(statement: bytes) -> bytes:
    """A statement, given as a parse tree in JSON, as SQL. Empty if it is nested too deeply to be deparsed."""
    return _from_json(json.loads(statement))


def _from_json(statement: dict[str, Any]) -> bytes:
    import postgast  # noqa: PLC0415 - see above
    from google.protobuf import json_format  # noqa: PLC0415 - postgast imports it anyway

    tree = type(postgast.parse(""))()
    try:
        json_format.ParseDict({"version": 180004, "stmts": [{"stmt": statement}]}, tree)
        return str(postgast.deparse(tree)).encode()
    except (json_format.ParseError, RecursionError, ValueError):
        return b""


def _deparsed(tree: Any) -> bytes:
    """A tree as SQL. Empty if the tree contains what a query must not contain, such as WHERE CURRENT OF."""
    import postgast  # noqa: PLC0415 - see above

    try:
        return str(postgast.deparse(tree)).encode()
    except postgast.PgQueryError:
        return b""


def _to_rewrite(sql: str) -> Any:
    """The protobuf parse tree, which can be deparsed. None if the tree is too large or too deeply nested."""
    import postgast  # noqa: PLC0415 - see above
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - postgast imports it anyway

    try:
        return postgast.parse(sql) if len(sql) < ROOMY else None
    except DecodeError:
        return None
