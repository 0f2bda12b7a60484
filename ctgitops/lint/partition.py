"""Checks whether a validated CHECK constraint lets ATTACH PARTITION skip its table scan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from ..lazy import regex
from ..sql.nodes import Node, canonical, columns_in, conjuncts, parts_of, same

if TYPE_CHECKING:
    from .catalog import Catalog, Table

_DAY = regex(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")
_QUANTIFIED = {"AEXPR_OP_ANY": "<>", "AEXPR_OP_ALL": "="}
"""Operators on a list that lint ignores. `<> ANY` excludes no value, and `= ALL` is rare."""


def bound_proved(catalog: Catalog, parent: Table, child: Table, bound: Node) -> bool:
    """Whether the validated CHECK constraints of `child` imply `bound`. False if uncertain.

    If `parent` is itself a partition, the constraints must also imply the parent's bound.
    """
    above = catalog.parent_of(parent.name)
    if above and not (parent.bound and bound_proved(catalog, above, child, parent.bound)):
        return False
    if bound.get("is_default"):
        return _excluded_by_all(catalog, parent, child)
    if parent.partition_key is None or not parent.partition_key[1]:
        return False
    how, columns = parent.partition_key
    if how == "range" and len(columns) == 1:
        return _range(child, columns[0], bound)
    if how == "list":
        return _list(child, columns[0], bound)
    return False


def _excluded_by_all(catalog: Catalog, parent: Table, default: Table) -> bool:
    """Whether the CHECK constraints of a new default partition exclude all rows that belong to other partitions."""
    others = [catalog.tables.get(name) for name in parent.partitions]
    return all(other and other.bound and default_proved(parent, default, other.bound) for other in others)


def _range(child: Table, column: str, bound: Node) -> bool:
    lower, upper = bound.get("lowerdatums", [{}])[0], bound.get("upperdatums", [{}])[0]
    wanted = [(">=", lower), ("<", upper)]
    return child.proved_not_null(column) and all(
        _unbounded(datum) or _says(child, column, operator, datum) for operator, datum in wanted
    )


def _unbounded(datum: Node) -> bool:
    fields = datum.get("ColumnRef", {}).get("fields", [{}])
    return fields[-1].get("String", {}).get("sval", "") in {"minvalue", "maxvalue"}


def _says(child: Table, column: str, operator: str, datum: Node) -> bool:
    """Whether a condition of a CHECK limits the column to the bound `datum`, or to a narrower range."""
    beyond = _beyond if operator == ">=" else _before
    return any(beyond(name, right, datum) for name, right in _comparisons(child.proved_parts(), column))


def _beyond(name: str, right: Node, datum: Node) -> bool:
    return name in {">=", ">", "="} and all(same(item, datum) or _less(datum, item) for item in _items(right))


def _before(name: str, right: Node, datum: Node) -> bool:
    return (name == "<" and same(right, datum)) or (
        name in {"<", "<=", "="} and all(_less(item, datum) for item in _items(right))
    )


def _comparisons(parts: Iterable[Node], column: str) -> Iterator[tuple[str, Node]]:
    for part in parts:
        test = part.get("A_Expr", {})
        if columns_in(test.get("lexpr")) != {column}:
            continue
        name = "".join(parts_of(test.get("name", [])))
        if name == "BETWEEN":
            yield from zip((">=", "<="), _items(test.get("rexpr", {})), strict=False)
        elif _QUANTIFIED.get(test.get("kind", "")) != name:
            yield name, test.get("rexpr", {})


def _less(one: Node, other: Node) -> bool:
    left, right = _value(one), _value(other)
    if isinstance(left, int) and isinstance(right, int):
        return left < right
    return isinstance(left, str) and isinstance(right, str) and len(left) == len(right) and left < right


def _value(node: Node) -> int | str | None:
    """A constant's value: a number, or an ISO date or timestamp without time zone as text, which sorts by time."""
    constant = canonical(node).get("A_Const", {})
    if "ival" in constant:
        return int(constant["ival"].get("ival", 0))
    text = str(constant.get("sval", {}).get("sval", ""))
    return text if _DAY.fullmatch(text) else None


def default_proved(parent: Table, default: Table, bound: Node) -> bool:
    """Whether the validated CHECK constraints of the default partition exclude every row of a new partition."""
    if parent.partition_key is None or len(parent.partition_key[1]) != 1:
        return False
    how, (column,) = parent.partition_key
    parts = default.proved_parts()
    if how == "list":
        return all(
            default.proved_not_null(column)
            if _is_null(datum)
            else any(_excludes(part, column, datum) for part in parts)
            for datum in bound.get("listdatums", ())
        )
    return how == "range" and any(_outside(part, column, bound) for part in parts)


def _is_null(datum: Node) -> bool:
    return bool(canonical(datum).get("A_Const", {}).get("isnull"))


def _excludes(part: Node, column: str, datum: Node) -> bool:
    """Whether the condition `part` is false for every row with the value `datum`."""
    return _of_each(part, column, lambda name, right: _other(name, right, datum))


def _other(name: str, right: Node, datum: Node) -> bool:
    if name == "<>":
        return any(same(item, datum) for item in _items(right))
    return name == "=" and all(_differs(item, datum) for item in _items(right))


def _differs(one: Node, other: Node) -> bool:
    left, right = (canonical(each).get("A_Const", {}) for each in (one, other))
    return left != right and any(key in left and key in right for key in ("ival", "sval", "boolval"))


def _outside(part: Node, column: str, bound: Node) -> bool:
    lower, upper = bound.get("lowerdatums", [{}])[0], bound.get("upperdatums", [{}])[0]
    return _of_each(part, column, lambda name, right: _before(name, right, lower) or _beyond(name, right, upper))


def _of_each(part: Node, column: str, test: Callable[[str, Node], bool]) -> bool:
    """Whether each operand of an OR, and at least one operand of an AND, passes the test.

    IS NULL passes, because a bound never contains NULL here.
    """
    both = part.get("BoolExpr", {})
    arms = both.get("args", ())
    if both.get("boolop") == "OR_EXPR":
        return all(_of_each(arm, column, test) for arm in arms)
    if both.get("boolop") == "AND_EXPR":
        return any(_of_each(each, column, test) for each in conjuncts(part))
    if both.get("boolop") == "NOT_EXPR":
        turned = [("<>", right) for name, right in _comparisons(arms, column) if name == "="]
        return any(test(*each) for each in turned)
    null = part.get("NullTest", {})
    if null.get("nulltesttype") == "IS_NULL" and columns_in(null.get("arg")) == {column}:
        return True
    return any(test(name, right) for name, right in _comparisons([part], column))


def _items(right: Node) -> list[Node]:
    """The values of a list or an array, or the single value."""
    array = right.get("A_ArrayExpr", right.get("TypeCast", {}).get("arg", {}).get("A_ArrayExpr", {}))
    return right.get("List", {}).get("items") or array.get("elements") or [right]


def _list(child: Table, column: str, bound: Node) -> bool:
    values = [canonical(datum) for datum in bound.get("listdatums", ())]
    if not any(map(_is_null, values)) and not child.proved_not_null(column):
        return False
    return any(_only(part, column, values) for part in child.proved_parts())


def _only(part: Node, column: str, values: list[Node]) -> bool:
    """Whether a condition of a CHECK limits the column to `values`."""
    either = part.get("BoolExpr", {})
    if either.get("boolop") == "OR_EXPR":
        return all(_only(arm, column, values) for arm in either.get("args", ()))
    named = [right for name, right in _comparisons([part], column) if name == "="]
    return any(all(canonical(item) in values for item in _items(right)) for right in named)
