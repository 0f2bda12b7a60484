"""Conditions of a PL/pgSQL block, as far as the catalogue answers them: is there such a table, column or constraint."""

from __future__ import annotations

import operator
from collections.abc import Callable

from ..sql.nodes import Node, parts_of, walk
from ..sql.parse import SqlSyntaxError, trees
from .catalog import Catalog
from .listed import LISTED, Row
from .nodes import conjuncts, written
from .texts import UNKNOWN, Values, texts

_COMPARED: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_SOME = {(">", "0"): True, ("<>", "0"): True, (">=", "1"): True, ("=", "0"): False, ("<", "1"): False}
"""What a count is compared with to ask whether there are any, or none."""


def holds(condition: str, values: Values, catalog: Catalog, answers: dict[str, bool | None]) -> bool | None:
    """Whether a condition is true; None where nobody can tell before it runs. `values` are those of the variables.

    What a variable was told stays in `answers`: it was asked before the block changed what it asks for.
    """
    return _Reader(catalog, values, answers).truth(_expression(condition))


def _expression(text: str) -> Node:
    try:
        targets = trees(f"select {text}")[0].node.get("targetList", ())
    except (SqlSyntaxError, IndexError):
        return {}
    value: Node = targets[0]["ResTarget"].get("val", {}) if len(targets) == 1 else {}
    return value


class _Reader:
    def __init__(self, catalog: Catalog, values: Values, answers: dict[str, bool | None]) -> None:
        self._catalog, self._values, self._answers = catalog, values, answers

    def truth(self, node: Node) -> bool | None:
        """Of an expression; it is true, false, or not known."""
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
            return self._any(select)
        targets = select.get("targetList", [{}])
        return self.truth(targets[0].get("ResTarget", {}).get("val", {})) if set(select) <= _PLAIN else None

    def _answer(self, variable: Node, judge: Callable[[Node], bool | None]) -> bool | None:
        """What a variable holds that is set once."""
        name = ".".join(parts_of(variable.get("fields", [])))
        texts_ = self._values.get(name, ())
        if len(texts_) != 1:
            return None
        if name not in self._answers:
            self._answers[name] = None  # where it asks for itself
            self._answers[name] = judge(_expression(texts_[0]))
        return self._answers[name]

    def _some(self, node: Node) -> bool | None:
        """Whether what is counted is more than none."""
        if "ColumnRef" in node:
            return self._answer(node["ColumnRef"], self._some)
        select = _select_in(node)
        return self._any(select) if select and _counts(select) else None

    def _bool(self, node: Node) -> bool | None:
        said = [self.truth(each) for each in node.get("args", ())]
        if node.get("boolop") == "NOT_EXPR":
            return None if said[0] is None else not said[0]
        decides = node.get("boolop") == "OR_EXPR"
        if decides in said:
            return decides
        return None if None in said else not decides

    def _compared(self, node: Node) -> bool | None:
        name, right = "".join(parts_of(node.get("name", []))), self._constant(node.get("rexpr", {}))
        found = self._some(node.get("lexpr", {})) if right is not None and (name, right) in _SOME else None
        if right is not None and found is not None:
            return found is _SOME[name, right]
        left = self._constant(node.get("lexpr", {}))
        if left is None or right is None or name not in _COMPARED:
            return None
        if left.isdecimal() and right.isdecimal():
            return _COMPARED[name](int(left), int(right))
        return {"=": left == right, "<>": left != right}.get(name)

    def _null(self, node: Node) -> bool | None:
        """`to_regclass('t') IS NULL`."""
        call = node.get("arg", {}).get("FuncCall", {})
        name = self._constant(call.get("args", [{}])[0]) if parts_of(call.get("funcname", []))[-1:] == _TO else None
        if name is None or not self._catalog.complete:
            return None
        parts = name.replace('"', "").rpartition(".")
        full = self._catalog.full((parts[0], parts[2]))
        there = full in self._catalog.tables or full in self._catalog.indexes
        return there is (node.get("nulltesttype") == "IS_NOT_NULL") if there or not name.endswith("seq") else None

    def _any(self, select: Node) -> bool | None:
        """Whether a query of PostgreSQL's own catalogues finds a row."""
        named = [node for kind, node in walk(select.get("fromClause", [])) if kind == "RangeVar"]
        sources = sorted((each for each in named if each.get("relname") in LISTED), key=_is_class)
        if not sources or "groupClause" in select or "larg" in select:
            return True if set(select) <= _PLAIN else None
        rows = list(LISTED[sources[0]["relname"]](self._catalog))
        rows += [] if self._catalog.complete else [{}]
        others = {_alias(each) for each in named if each.get("relname") in _JOINED} | {_alias(sources[0])}
        sure = [len(others) == len(named) and _joined_by_keys(select)] * len(rows)
        for part in conjuncts(select.get("whereClause")):
            said = [self._fits(part, row, others) for row in rows]
            left = [
                (row, known and fits is True)
                for row, known, fits in zip(rows, sure, said, strict=True)
                if fits is not False
            ]
            rows, sure = [row for row, _ in left], [known for _, known in left]
        if not rows:
            return False
        return True if any(sure) else None

    def _fits(self, part: Node, row: Row, aliases: set[str]) -> bool | None:
        if _is_of_all(part):
            return True
        test = part.get("A_Expr", {})
        column = parts_of(test.get("lexpr", {}).get("ColumnRef", {}).get("fields", []))
        if _is_join(part) and len(aliases) > 1:
            return True
        if "".join(parts_of(test.get("name", []))) != "=" or not column or not set(column[:-1]) <= aliases:
            return None
        items = test.get("rexpr", {}).get("List", {}).get("items") or [test.get("rexpr", {})]
        wanted, value = [self._constant(item) for item in items], row.get(column[-1])
        if value is None or test.get("kind") not in {"AEXPR_OP", "AEXPR_IN"}:
            return None
        return True if value in wanted else None if None in wanted else False

    def _constant(self, node: Node) -> str | None:
        """What a value is, as text; None where it is known only when it runs."""
        cast, call = node.get("TypeCast", {}), node.get("FuncCall", {})
        if cast and parts_of(cast.get("typeName", {}).get("names", []))[-1:] == ("regclass",):
            name = self._constant(cast.get("arg", {}))
            parts = (name or "").replace('"', "").rpartition(".")
            return written(self._catalog.full((parts[0], parts[2]))) if name else None
        if cast:
            return self._constant(cast.get("arg", {}))
        called = parts_of(call.get("funcname", []))[-1:]
        if called == ("current_schema",):
            return next((each for each in self._catalog.path if each != "pg_temp"), None)
        if called == ("current_setting",) and self._constant(call.get("args", [{}])[0]) == "server_version_num":
            return str(self._catalog.major * 10_000) if self._catalog.major else None
        return self._text(node)

    def _text(self, node: Node) -> str | None:
        if "A_Const" in node:
            constant = node["A_Const"]
            return next(
                (str(constant[k].get(k, 0 if k == "ival" else "")) for k in ("sval", "ival") if k in constant), None
            )
        name = ".".join(parts_of(node.get("ColumnRef", {}).get("fields", [])))
        known = self._values.get(name, ())
        said = texts(known[0], self._values) if len(known) == 1 else ()
        return said[0] if len(said) == 1 and UNKNOWN not in said[0] else None


_TO = ("to_regclass",)
_PLAIN = {"targetList", "limitOption", "op"}
"""What `SELECT 1` has."""


def _select_in(node: Node) -> Node:
    select: Node = node.get("SubLink", {}).get("subselect", {}).get("SelectStmt", {})
    return select


def _is_of_all(part: Node) -> bool:
    """`NOT attisdropped`, `attnum > 0`: what is known is neither dropped nor the system's."""
    negated = part.get("BoolExpr", {})
    inner = (
        negated.get("args", [{}])[0] if negated.get("boolop") == "NOT_EXPR" else part.get("A_Expr", {}).get("lexpr", {})
    )
    column = parts_of(inner.get("ColumnRef", {}).get("fields", []))[-1:]
    return column == ("attisdropped",) if negated else column == ("attnum",)


def _counts(select: Node) -> bool:
    targets = select.get("targetList", [{}])
    call = targets[0].get("ResTarget", {}).get("val", {}).get("FuncCall", {})
    return parts_of(call.get("funcname", []))[-1:] == ("count",)


def _is_class(relation: Node) -> bool:
    """A constraint's row and a column's tell their table too."""
    return bool(relation.get("relname") == "pg_class")


def _alias(relation: Node) -> str:
    alias: str = relation.get("alias", {}).get("aliasname") or relation.get("relname", "")
    return alias


def _joined_by_keys(select: Node) -> bool:
    """Whether what is joined is the same thing's table and schema, so that no row is lost."""
    joins = [node for kind, node in walk(select.get("fromClause", [])) if kind == "JoinExpr"]
    return all(_is_join(each.get("quals", {})) for each in joins)


def _is_join(part: Node) -> bool:
    """`n.oid = c.relnamespace`."""
    sides = [part.get("A_Expr", {}).get(side, {}).get("ColumnRef", {}) for side in ("lexpr", "rexpr")]
    names = {"".join(parts_of(side.get("fields", []))[-1:]) for side in sides}
    return "oid" in names and len(names & _KEYS) == 1


_JOINED = {"pg_namespace", "pg_class"}
_KEYS = {"relnamespace", "connamespace", "conrelid", "attrelid"}
