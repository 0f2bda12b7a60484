"""Deparses expressions to SQL, and decides whether an unreviewed one is safe to evaluate in a real database."""

from __future__ import annotations

from collections.abc import Iterator

from .nodes import Node, parts_of, quoted_name, walk

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
"""PostgreSQL functions that read nothing but their arguments."""


def expression(node: Node) -> str:
    """An expression as SQL; empty where it is nested too deeply to be deparsed."""
    return _deparsed({"ResTarget": {"val": node}}).removeprefix("SELECT ")


def type_name(node: Node) -> str:
    """A type as SQL."""
    null = {"A_Const": {"isnull": True}}
    return _deparsed({"ResTarget": {"val": {"TypeCast": {"arg": null, "typeName": node}}}}).removeprefix(
        "SELECT NULL::"
    )


def reaches_out(node: object) -> str:
    """Why an expression may do more than compute from the row, as text; empty where it cannot."""
    return next(_reaching(node), "")


def _reaching(node: object) -> Iterator[str]:
    for kind, each in walk(node):
        if kind not in _SHAPES:
            yield f"it has a {kind}"
        if kind == "FuncCall":
            yield from _calling(each)


def _calling(call: Node) -> Iterator[str]:
    names = parts_of(call.get("funcname", ())) or ("",)
    if names[-1] not in _FUNCTIONS or names[:-1] not in {(), ("pg_catalog",)}:
        yield f"it calls {quoted_name(*names)}"


def _deparsed(target: Node) -> str:
    import postgast  # noqa: PLC0415 - see parse.py
    from google.protobuf import json_format  # noqa: PLC0415 - a part of postgast's own start

    select = {"targetList": [target], "limitOption": "LIMIT_OPTION_DEFAULT", "op": "SETOP_NONE"}
    tree = type(postgast.parse(""))()
    try:
        json_format.ParseDict({"version": 180004, "stmts": [{"stmt": {"SelectStmt": select}}]}, tree)
        return str(postgast.deparse(tree))
    except (json_format.ParseError, RecursionError, ValueError):
        return ""
