"""What PostgreSQL reads when a partition is attached, and what spares it that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..sql.nodes import Node, parts_of
from .catalog import Table
from .nodes import canonical, columns_in, same
from .proof import proved_not_null, proved_parts

_DAY = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")


def bound_proved(parent: Table, child: Table, bound: Node) -> bool:
    """Whether the child's validated CHECKs say what the bound says; where nobody can tell, it is not proved."""
    if parent.partition_key is None or not parent.partition_key[1] or bound.get("is_default"):
        return False
    how, columns = parent.partition_key
    if how == "range" and len(columns) == 1:
        return _range(child, columns[0], bound)
    if how == "list":
        return _list(child, columns[0], bound)
    return False


def _range(child: Table, column: str, bound: Node) -> bool:
    lower, upper = bound.get("lowerdatums", [{}])[0], bound.get("upperdatums", [{}])[0]
    wanted = [(">=", lower), ("<", upper)]
    return proved_not_null(child, column) and all(
        _unbounded(datum) or _says(child, column, operator, datum) for operator, datum in wanted
    )


def _unbounded(datum: Node) -> bool:
    fields = datum.get("ColumnRef", {}).get("fields", [{}])
    return fields[-1].get("String", {}).get("sval", "") in {"minvalue", "maxvalue"}


def _says(child: Table, column: str, operator: str, datum: Node) -> bool:
    """Whether a part of a CHECK holds the column to the bound, or to a narrower one."""
    beyond = _beyond if operator == ">=" else _before
    return any(beyond(name, right, datum) for name, right in _comparisons(proved_parts(child), column))


def _beyond(name: str, right: Node, datum: Node) -> bool:
    return name in {">=", ">"} and (same(right, datum) or _less(datum, right))


def _before(name: str, right: Node, datum: Node) -> bool:
    return (name == "<" and same(right, datum)) or (name in {"<", "<="} and _less(right, datum))


def _comparisons(parts: Iterable[Node], column: str) -> Iterator[tuple[str, Node]]:
    for part in parts:
        test = part.get("A_Expr", {})
        if columns_in(test.get("lexpr")) == {column}:
            yield "".join(parts_of(test.get("name", []))), test.get("rexpr", {})


def _less(one: Node, other: Node) -> bool:
    left, right = _value(one), _value(other)
    if isinstance(left, int) and isinstance(right, int):
        return left < right
    return isinstance(left, str) and isinstance(right, str) and len(left) == len(right) and left < right


def _value(node: Node) -> int | str | None:
    """A number, or a day or moment without a zone as ISO writes it, which sorts as text."""
    constant = canonical(node).get("A_Const", {})
    if "ival" in constant:
        return int(constant["ival"].get("ival", 0))
    text = str(constant.get("sval", {}).get("sval", ""))
    return text if _DAY.fullmatch(text) else None


def default_proved(parent: Table, default: Table, bound: Node) -> bool:
    """Whether the default partition's validated CHECKs say that none of its rows belongs to a new partition."""
    if parent.partition_key is None or len(parent.partition_key[1]) != 1:
        return False
    how, (column,) = parent.partition_key
    if not proved_not_null(default, column):
        return False
    parts = proved_parts(default)
    if how == "list":
        return all(any(_excludes(part, column, datum) for part in parts) for datum in bound.get("listdatums", ()))
    return how == "range" and any(_outside(part, column, bound) for part in parts)


def _excludes(part: Node, column: str, datum: Node) -> bool:
    named = [right for name, right in _comparisons([part], column) if name == "<>"]
    return any(same(item, datum) for right in named for item in _items(right))


def _outside(part: Node, column: str, bound: Node) -> bool:
    either = part.get("BoolExpr", {})
    if either.get("boolop") == "OR_EXPR":
        return all(_outside(arm, column, bound) for arm in either.get("args", ()))
    lower, upper = bound.get("lowerdatums", [{}])[0], bound.get("upperdatums", [{}])[0]
    return any(
        _before(name, right, lower) or _beyond(name, right, upper) for name, right in _comparisons([part], column)
    )


def _items(right: Node) -> list[Node]:
    """The values of a list, an array, or the one that there is."""
    array = right.get("A_ArrayExpr", right.get("TypeCast", {}).get("arg", {}).get("A_ArrayExpr", {}))
    return right.get("List", {}).get("items") or array.get("elements") or [right]


def _list(child: Table, column: str, bound: Node) -> bool:
    values = [canonical(datum) for datum in bound.get("listdatums", ())]
    has_null = any(value.get("A_Const", {}).get("isnull") for value in values)
    if not has_null and not proved_not_null(child, column):
        return False
    return any(_only(part, column, values) for part in proved_parts(child))


def _only(part: Node, column: str, values: list[Node]) -> bool:
    """Whether a part of a CHECK says that the column is one of these values."""
    named = [right for name, right in _comparisons([part], column) if name == "="]
    return any(all(canonical(item) in values for item in _items(right)) for right in named)
