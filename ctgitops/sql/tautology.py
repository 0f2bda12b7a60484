"""Recognises conditions that are true for every row: `true`, `1 = 1`, `id = id`, `id IN (SELECT id FROM its_table)`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Protocol

from .nodes import Name, Node, canonical, columns_in, parts_of, relation_name, same

_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_REFLEXIVE = {"=", "<=", ">="}
_TRUE = {"t", "true", "y", "yes", "on", "1"}
_WHOLE = {"targetList", "fromClause", "limitOption", "op", "distinctClause", "sortClause"}
"""Clauses of a SELECT that do not limit its rows."""


class Table(Protocol):
    """The table whose rows a condition tests."""

    @property
    def name(self) -> Name:
        """The table's schema and name."""
        ...

    def proved_not_null(self, column: str) -> bool:
        """Whether the column cannot be NULL."""
        ...


def always_true(node: Any, table: Table | None = None) -> bool:
    """Whether a condition is true for every row, except rows with NULL in a compared column. False if uncertain."""
    judges: dict[str, Callable[[Node], bool]] = {
        "A_Const": lambda constant: bool(constant.get("boolval", {}).get("boolval")),
        "TypeCast": lambda cast: _cast(cast, table),
        "BoolExpr": lambda expression: _bool(expression, table),
        "A_Expr": _compared,
        "NullTest": lambda test: _null(test, table),
        "SubLink": lambda link: _queried(link, table),
        "BooleanTest": lambda test: test.get("booltesttype") == "IS_TRUE" and always_true(test.get("arg"), table),
    }
    return any(judges[kind](inner) for kind, inner in node.items() if kind in judges) if node else False


def always_false(node: Any, table: Table | None = None) -> bool:
    """Whether a condition is true for no row. False if uncertain."""
    constant = node.get("A_Const", {})
    inner = node.get("BoolExpr", {})
    negated = inner.get("boolop") == "NOT_EXPR" and always_true(inner["args"][0], table)
    compared = node.get("A_Expr", {})
    return ("boolval" in constant and not constant["boolval"]) or negated or _unequal(compared)


def _cast(cast: Node, table: Table | None) -> bool:
    to, arg = parts_of(cast.get("typeName", {}).get("names", []))[-1:], cast.get("arg", {})
    text, number = (arg.get("A_Const", {}).get(kind, {}) for kind in ("sval", "ival"))
    constant = str(text.get("sval", "")).lower() in _TRUE or bool(number.get("ival"))
    return to == ("bool",) and (constant or always_true(arg, table))


def _bool(expression: Node, table: Table | None) -> bool:
    each = expression.get("args", ())
    if expression.get("boolop") == "NOT_EXPR":
        return always_false(each[0], table)
    return (all if expression.get("boolop") == "AND_EXPR" else any)(always_true(one, table) for one in each)


def _value(node: Node) -> Any:
    """A constant as a Python value. None if the expression is not an integer or string constant."""
    constant = canonical(node).get("A_Const", {})
    if "ival" in constant:
        return int(constant["ival"].get("ival", 0))
    return constant["sval"].get("sval", "") if "sval" in constant else None


def _sides(test: Node) -> tuple[str, Any, Any]:
    plain = test.get("kind") == "AEXPR_OP"
    return "".join(parts_of(test.get("name", []))) if plain else "", test.get("lexpr", {}), test.get("rexpr", {})


def _compared(test: Node) -> bool:
    name, left, right = _sides(test)
    values = _value(left), _value(right)
    if test.get("kind") == "AEXPR_IN" and values[0] is not None and parts_of(test.get("name", [])) == ("=",):
        return any(_value(item) == values[0] for item in right.get("List", {}).get("items", ()))
    if name in _COMPARED and None not in values and type(values[0]) is type(values[1]):
        return _COMPARED[name](*values)
    constant = "A_Const" in left and "isnull" not in left["A_Const"]
    return name in _REFLEXIVE and (constant or "ColumnRef" in left) and _operand(left) == _operand(right)


def _operand(node: Node) -> Any:
    return canonical(node) if "A_Const" in node else parts_of(node.get("ColumnRef", {}).get("fields", []))


def _unequal(test: Node) -> bool:
    name, left, right = _sides(test)
    values = _value(left), _value(right)
    comparable = name in _COMPARED and None not in values and type(values[0]) is type(values[1])
    return comparable and not _COMPARED[name](*values)


def _null(test: Node, table: Table | None) -> bool:
    """Whether the test is IS NOT NULL, of a column that cannot be NULL or of a constant."""
    arg = test.get("arg", {})
    proved = table is not None and "ColumnRef" in arg and all(map(table.proved_not_null, columns_in(arg)))
    return test.get("nulltesttype") == "IS_NOT_NULL" and (proved or _value(arg) is not None)


def _queried(link: Node, table: Table | None) -> bool:
    """Whether the condition is `id IN (SELECT id FROM same_table)`, or EXISTS with a subquery that reads no table."""
    select = link.get("subselect", {}).get("SelectStmt", {})
    if link.get("subLinkType") == "EXISTS_SUBLINK":
        return not set(select) - {"targetList", "limitOption", "op"}
    sources = [relation_name(item["RangeVar"])[1] for item in select.get("fromClause", ()) if "RangeVar" in item]
    value = [item.get("ResTarget", {}).get("val", {}) for item in select.get("targetList", ())]
    within = link.get("subLinkType") == "ANY_SUBLINK" and parts_of(link.get("operName", [])) in {(), ("=",)}
    whole = not set(select) - _WHOLE and table is not None and sources == [table.name[1]]
    return whole and within and len(value) == 1 and same(link.get("testexpr", {}), value[0])
