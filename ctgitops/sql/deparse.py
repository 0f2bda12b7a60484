"""Deparses parse trees to SQL, and decides whether an unreviewed expression is safe to evaluate."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .guard import guarded
from .nodes import Node, parts_of, quoted_name, walk
from .rewrite import count_as_sql, index_as_sql, target_as_sql
from .rewrite import statement_as_sql as _statement_as_sql

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


@guarded("the changed rows")
def count_where(sql: str) -> str:
    """A query that counts the rows that the DELETE or UPDATE in `sql` changes. Empty if such a query is impossible."""
    return count_as_sql(sql.encode()).decode()


@guarded("the index")
def index_on_probe(sql: str, table: str) -> str:
    """Rewrites a CREATE INDEX CONCURRENTLY as a plain CREATE INDEX on the temporary table `table`.

    Empty if the statement cannot be deparsed.
    """
    return index_as_sql(json.dumps([sql, table]).encode()).decode()


def expression(node: Node) -> str:
    """An expression as SQL. Empty if the expression is nested too deeply to be deparsed."""
    return _as_target({"ResTarget": {"val": node}}).removeprefix("SELECT ")


def statement_as_sql(tree: Node) -> str:
    """A statement as SQL, from its kind and its tree. Empty if the statement cannot be deparsed."""
    return _statement_as_sql(json.dumps(tree).encode()).decode()


def type_name(node: Node) -> str:
    """A type as SQL."""
    null = {"A_Const": {"isnull": True}}
    cast = {"TypeCast": {"arg": null, "typeName": node}}
    return _as_target({"ResTarget": {"val": cast}}).removeprefix("SELECT NULL::")


def reaches_out(node: object) -> str:
    """Why an expression is unsafe to evaluate, as text. Empty if it only computes a value from its row."""
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
    return target_as_sql(json.dumps(target).encode()).decode()
