"""Estimates whether few rows match a condition. Uses only the text of the condition."""

from __future__ import annotations

from typing import Any

from ..sql.nodes import Node, columns_in, parts_of

_LISTS = {"AEXPR_IN", "AEXPR_OP_ANY"}


def selective(condition: Any) -> bool:
    """Whether a condition requires that a column equals one of several constants that are not NULL or boolean."""
    node = condition or {}
    expression = node.get("BoolExpr", {})
    arms = [selective(arm) for arm in expression.get("args", ())]
    if expression.get("boolop") == "AND_EXPR":
        return any(arms)
    if expression.get("boolop") == "OR_EXPR":
        return all(arms)
    return "CurrentOfExpr" in node or _equal(node.get("A_Expr", {})) or _queried(node.get("SubLink", {}))


def _equal(test: Node) -> bool:
    if parts_of(test.get("name", [])) != ("=",) or test.get("kind") not in {"AEXPR_OP", "AEXPR_NOT_DISTINCT", *_LISTS}:
        return False
    left, right = test.get("lexpr", {}), test.get("rexpr", {})
    return (bool(columns_in(left)) and _constant(right)) or (bool(columns_in(right)) and _constant(left))


def _constant(node: Any) -> bool:
    """Whether an expression is a constant, a list of constants, or a query for one value."""
    if isinstance(node, list):
        return all(map(_constant, node))
    cast, row, items, array = (node.get(k, {}) for k in ("TypeCast", "RowExpr", "List", "A_ArrayExpr"))
    if node.get("SubLink", {}).get("subLinkType") == "EXPR_SUBLINK":
        return True
    if inner := row.get("args") or items.get("items") or array.get("elements"):
        return _constant(inner)
    return _constant(cast["arg"]) if "arg" in cast else _value(node.get("A_Const", {}))


def _value(constant: Node) -> bool:
    """Whether it is possible that only few rows have this value. False for NULL and for a boolean."""
    return bool({"ival", "fval", "sval", "bsval"} & set(constant))


def _queried(link: Node) -> bool:
    """Whether the subquery of an EXISTS or IN can match only few rows."""
    select = link.get("subselect", {}).get("SelectStmt", {})
    within = link.get("subLinkType") in {"EXISTS_SUBLINK", "ANY_SUBLINK"}
    return within and (selective(select.get("whereClause")) or "valuesLists" in select)
