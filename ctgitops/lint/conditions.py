"""Evaluates PL/pgSQL conditions on the catalog, such as whether a table, column or constraint exists."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..sql.nodes import Node, parts_of
from ..sql.parse import SqlSyntaxError, parse_expression
from ..sql.plpgsql import Condition
from .catalog_query import PLAIN, Constants, aggregates, counts, finds_row

if TYPE_CHECKING:
    from .catalog import Catalog
    from .dynamic_sql import Values

_COMPARED: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_SOME = {(">", "0"): True, ("<>", "0"): True, (">=", "1"): True, ("=", "0"): False, ("<", "1"): False}
"""Maps comparisons of a count to True if every count above zero fulfils them, and to False if only zero does."""
_TO = ("to_regclass",)
_NEVER_NULL = {
    "attname", "column_name", "conname", "constraint_name", "indexname", "oid", "relname", "table_name", "tablename",
}  # fmt: skip
Answers = dict[tuple[str, str] | Condition, bool | None]
"""Cached results. The key is a condition, or a variable and the kind of test."""


def holds(condition: Condition, values: Values, catalog: Catalog, answers: Answers) -> bool | None:
    """Whether a condition is true. None if this is known only at run time. `values` maps variables to their values.

    Caches the result in `answers`, because a later evaluation would see the schema after the block's own changes.
    """
    if condition not in answers:
        answers[condition] = Reader(catalog, values, answers).truth(_expression(condition.text))
    return answers[condition]


def _expression(text: str) -> Node:
    try:
        return parse_expression(text)
    except SqlSyntaxError:
        return {}


class Reader:
    """Evaluates expressions, using a schema, the values of a block's variables, and earlier answers."""

    def __init__(self, catalog: Catalog, values: Values, answers: Answers) -> None:
        self._catalog, self._values, self._answers = catalog, values, answers
        self._constants = Constants(catalog, values)

    def truth(self, node: Node) -> bool | None:
        """Evaluates a boolean expression. None if the result is unknown."""
        judges: dict[str, Callable[[Node], bool | None]] = {
            "BoolExpr": self._bool,
            "A_Expr": self._compared,
            "NullTest": self._null,
            "SubLink": self._queried,
            "ColumnRef": lambda variable: self._answer(variable, self.truth),
            "A_Const": lambda constant: constant["boolval"].get("boolval", False) if "boolval" in constant else None,
        }
        return next((judges[kind](inner) for kind, inner in node.items() if kind in judges), None)

    def _queried(self, node: Node) -> bool | None:
        select: Node = node.get("subselect", {}).get("SelectStmt", {})
        if node.get("subLinkType") == "EXISTS_SUBLINK":
            return True if aggregates(select) else self.finds(select)
        targets = select.get("targetList", [{}])
        return self.truth(targets[0].get("ResTarget", {}).get("val", {})) if set(select) <= PLAIN else None

    def _answer(self, variable: Node, judge: Callable[[Node], bool | None]) -> bool | None:
        """Evaluates a variable that is assigned only once. `judge` tests the assigned expression."""
        name = ".".join(parts_of(variable.get("fields", [])))
        texts_ = self._values.get(name, ())
        if len(texts_) != 1:
            return None
        asked = (name, judge.__name__)
        if asked not in self._answers:
            self._answers[asked] = None  # stops the recursion if the value refers to the variable itself
            self._answers[asked] = judge(_expression(texts_[0]))
        return self._answers[asked]

    def _some(self, node: Node) -> bool | None:
        """Evaluates a count as a boolean: true if it is greater than zero."""
        if "ColumnRef" in node:
            return self._answer(node["ColumnRef"], self._some)
        select = _select_in(node)
        return self.finds(select) if select and counts(select) else None

    def _bool(self, node: Node) -> bool | None:
        said = [self.truth(each) for each in node.get("args", ())]
        if node.get("boolop") == "NOT_EXPR":
            return None if said[0] is None else not said[0]
        decides = node.get("boolop") == "OR_EXPR"
        if decides in said:
            return decides
        return None if None in said else not decides

    def _compared(self, node: Node) -> bool | None:
        name, right = "".join(parts_of(node.get("name", []))), self._constants.of(node.get("rexpr", {}))
        found = self._some(node.get("lexpr", {})) if right is not None and (name, right) in _SOME else None
        if right is not None and found is not None:
            return found is _SOME[name, right]
        left = self._constants.of(node.get("lexpr", {}))
        if left is None or right is None or name not in _COMPARED:
            return None
        if left.isdecimal() and right.isdecimal():
            return _COMPARED[name](int(left), int(right))
        return {"=": left == right, "<>": left != right}.get(name)

    def _null(self, node: Node) -> bool | None:
        """Evaluates `to_regclass('t') IS NULL`, or IS NULL of a variable that a query sets."""
        arg = node.get("arg", {})
        there = self._answer(arg["ColumnRef"], self._given) if "ColumnRef" in arg else self._named(arg)
        return None if there is None else there is (node.get("nulltesttype") == "IS_NOT_NULL")

    def _named(self, node: Node) -> bool | None:
        """Whether a call of `to_regclass` finds a relation."""
        call = node.get("FuncCall", {})
        name = self._constants.of(call.get("args", [{}])[0]) if parts_of(call.get("funcname", []))[-1:] == _TO else None
        if name is None or not self._catalog.complete:
            return None
        parts = name.replace('"', "").rpartition(".")
        full = self._catalog.full((parts[0], parts[2]))
        there = full in self._catalog.tables or full in self._catalog.indexes
        return there if there or not name.endswith("seq") else None

    def _given(self, node: Node) -> bool | None:
        """Whether a subquery returns a value that is not null."""
        select = _select_in(node)
        if not select or aggregates(select):
            return self._named(node)
        value = select.get("targetList", [{}])[0].get("ResTarget", {}).get("val", {})
        found = self.finds(select)
        named = "".join(parts_of(value.get("ColumnRef", {}).get("fields", []))[-1:])
        constant = value.get("A_Const", {"isnull": True})
        return None if found and named not in _NEVER_NULL and "isnull" in constant else found

    def finds(self, select: Node) -> bool | None:
        """Whether a query returns a row."""
        return False if self.truth(select.get("whereClause", {})) is False else finds_row(select, self._constants)


def _select_in(node: Node) -> Node:
    select: Node = node.get("SubLink", {}).get("subselect", {}).get("SelectStmt", {})
    return select
