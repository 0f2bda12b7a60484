"""Deparses parse trees to SQL, and decides whether an unreviewed expression is safe to evaluate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .guard import guarded
from .nodes import Node, parts_of, quoted_name, walk
from .parse import ROOMY

_SHAPES = frozenset(
    {"A_Const", "ColumnRef", "A_Expr", "BoolExpr", "NullTest", "BooleanTest", "TypeCast", "CoalesceExpr", "MinMaxExpr"}
    | {"CaseExpr", "CaseWhen", "A_ArrayExpr", "FuncCall", "CollateClause", "List", "String", "Integer", "TypeName"}
)
_FUNCTIONS = frozenset(
    {"length", "char_length", "octet_length", "bit_length", "lower", "upper", "trim", "btrim", "ltrim", "rtrim"}
    | {"substring", "substr", "left", "right", "position", "strpos", "replace", "concat", "starts_with", "md5"}
    | {"abs", "ceil", "floor", "round", "trunc", "mod", "sign", "greatest", "least", "num_nonnulls", "num_nulls"}
    | {"date_part", "extract", "date_trunc", "make_date", "jsonb_typeof", "json_typeof", "jsonb_array_length"}
    | {"array_length", "cardinality", "array_position", "to_tsvector", "isfinite", "like", "notlike", "regexp_match"}
)
"""PostgreSQL's functions that only read their arguments."""


@guarded("the rows that it changes")
def count_where(sql: str) -> str:
    """A query that counts the rows that the DELETE or UPDATE in `sql` changes; empty if there is no such query."""
    import postgast  # noqa: PLC0415 - see libpg_query.py

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
    """Rewrites a CREATE INDEX CONCURRENTLY as a plain CREATE INDEX on the temporary table `table`.

    Empty if the statement cannot be deparsed.
    """
    tree = _to_rewrite(sql)
    if tree is None:
        return ""
    index = tree.stmts[0].stmt.index_stmt
    index.concurrent = index.if_not_exists = False
    index.relation.schemaname, index.relation.relname = "pg_temp", table
    index.table_space = ""
    return _deparsed(tree)


def expression(node: Node) -> str:
    """An expression as SQL; empty if it is nested too deeply to be deparsed."""
    return _as_target({"ResTarget": {"val": node}}).removeprefix("SELECT ")


def type_name(node: Node) -> str:
    """A type as SQL."""
    null = {"A_Const": {"isnull": True}}
    cast = {"TypeCast": {"arg": null, "typeName": node}}
    return _as_target({"ResTarget": {"val": cast}}).removeprefix("SELECT NULL::")


def reaches_out(node: object) -> str:
    """Why an expression is unsafe to evaluate, as text; empty if it only computes a value from the row."""
    return next(_reaching(node), "")


def _reaching(node: object) -> Iterator[str]:
    for kind, each in walk(node):
        if kind not in _SHAPES:
            yield f"the expression contains a {kind}"
        if kind == "FuncCall":
            yield from _calling(each)


def _calling(call: Node) -> Iterator[str]:
    names = parts_of(call.get("funcname", ())) or ("",)
    if names[-1] not in _FUNCTIONS or names[:-1] not in {(), ("pg_catalog",)}:
        yield f"the expression calls {quoted_name(*names)}"


def _as_target(target: Node) -> str:
    import postgast  # noqa: PLC0415 - see libpg_query.py
    from google.protobuf import json_format  # noqa: PLC0415 - postgast imports it anyway

    select = {"targetList": [target], "limitOption": "LIMIT_OPTION_DEFAULT", "op": "SETOP_NONE"}
    tree = type(postgast.parse(""))()
    try:
        json_format.ParseDict({"version": 180004, "stmts": [{"stmt": {"SelectStmt": select}}]}, tree)
        return str(postgast.deparse(tree))
    except (json_format.ParseError, RecursionError, ValueError):
        return ""


def _deparsed(tree: Any) -> str:
    """A tree as SQL; empty if it contains a construct that a query must not have, such as WHERE CURRENT OF."""
    import postgast  # noqa: PLC0415 - see libpg_query.py

    try:
        return str(postgast.deparse(tree))
    except postgast.PgQueryError:
        return ""


def _to_rewrite(sql: str) -> Any:
    """The protobuf parse tree, which can be deparsed; None if it is too large or too deeply nested for protobuf."""
    import postgast  # noqa: PLC0415 - see libpg_query.py
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - postgast imports it anyway

    try:
        return postgast.parse(sql) if len(sql) < ROOMY else None
    except DecodeError:
        return None
