"""Evaluates queries on PostgreSQL's system catalogs, if lint's model of the schema contains the data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..lazy import dataclass, regex
from ..sql.nodes import Node, conjuncts, parts_of, walk, written
from .catalog_rows import LISTED, Row
from .dynamic_sql import UNKNOWN, Values, texts

if TYPE_CHECKING:
    from .catalog import Catalog

PLAIN = {"targetList", "limitOption", "op"}
"""The keys in the parse tree of a plain `SELECT 1`."""
_CHANGING = {"groupClause", "havingClause", "larg", "limitOffset"}
_AGGREGATES = {
    "array_agg", "avg", "bool_and", "bool_or", "count", "every", "json_agg", "jsonb_agg", "max", "min", "string_agg",
    "sum",
}  # fmt: skip
_SCHEMAS = {"", "pg_catalog", "information_schema"}
_TESTS = {("AEXPR_OP", "="), ("AEXPR_IN", "="), ("AEXPR_LIKE", "~~"), ("AEXPR_LIKE", "!~~")}
_LIKE = regex(r"\\.|.", re.DOTALL).findall
_WILD = {"%": ".*", "_": "."}
_JOINED = {"pg_namespace", "pg_class"}
_KEYS = {"relnamespace", "connamespace", "conrelid", "attrelid"}


@dataclass(frozen=True)
class Constants:
    """Computes the values of expressions from the catalog and from the known variables of a block."""

    catalog: Catalog
    values: Values

    def of(self, node: Node) -> str | None:
        """The value of an expression as text. None if the value is known only at run time."""
        cast, call = node.get("TypeCast", {}), node.get("FuncCall", {})
        if cast and parts_of(cast.get("typeName", {}).get("names", []))[-1:] == ("regclass",):
            name = self.of(cast.get("arg", {}))
            parts = (name or "").replace('"', "").rpartition(".")
            return written(self.catalog.full((parts[0], parts[2]))) if name else None
        if cast:
            return self.of(cast.get("arg", {}))
        called = parts_of(call.get("funcname", []))[-1:]
        if called == ("current_schema",):
            return next((each for each in self.catalog.path if each != "pg_temp"), None)
        if called == ("current_setting",) and self.of(call.get("args", [{}])[0]) == "server_version_num":
            return str(self.catalog.major * 10_000) if self.catalog.major else None
        return self._text(node)

    def _text(self, node: Node) -> str | None:
        if "A_Const" in node:
            constant = node["A_Const"]
            return next(
                (str(constant[k].get(k, 0 if k == "ival" else "")) for k in ("sval", "ival") if k in constant), None
            )
        name = ".".join(parts_of(node.get("ColumnRef", {}).get("fields", [])))
        known = self.values.get(name, ())
        said = texts(known[0], self.values) if len(known) == 1 else ()
        return said[0] if len(said) == 1 and UNKNOWN not in said[0] else None


def finds_row(select: Node, constants: Constants) -> bool | None:
    """Whether a query returns a row. None if the result is known only at run time."""
    named = [node for kind, node in walk(select.get("fromClause", [])) if kind == "RangeVar"]
    sources = sorted((each for each in named if _is_listed(each)), key=_is_class)
    if not sources or _CHANGING & set(select):
        calls = any(kind == "FuncCall" for kind, _ in walk(select.get("targetList", [])))  # may return no rows
        return True if set(select) <= PLAIN and not calls else None
    rows = list(LISTED[sources[0]["relname"]](constants.catalog))
    rows += [] if constants.catalog.complete else [{}]
    others = {_alias(each) for each in named if each.get("relname") in _JOINED} | {_alias(sources[0])}
    sure = [len(others) == len(named) and _joined_by_keys(select)] * len(rows)
    for part in conjuncts(select.get("whereClause")):
        said = [_fits(part, row, others, constants) for row in rows]
        left = [
            (row, known and fits is True)
            for row, known, fits in zip(rows, sure, said, strict=True)
            if fits is not False
        ]
        rows, sure = [row for row, _ in left], [known for _, known in left]
    if not rows:
        return False
    return True if any(sure) else None


def aggregates(select: Node) -> bool:
    """Whether the query is an aggregate query, which always returns exactly one row."""
    calls = (call for kind, call in walk(select.get("targetList", [])) if kind == "FuncCall")
    named = {"".join(parts_of(call.get("funcname", []))[-1:]) for call in calls}
    return bool(named & _AGGREGATES) and not {"groupClause", "havingClause"} & set(select)


def counts(select: Node) -> bool:
    """Whether the query returns the number of rows that it finds."""
    targets = select.get("targetList", [{}])
    call = targets[0].get("ResTarget", {}).get("val", {}).get("FuncCall", {})
    return parts_of(call.get("funcname", []))[-1:] == ("count",)


def _is_listed(relation: Node) -> bool:
    return relation.get("relname") in LISTED and relation.get("schemaname", "") in _SCHEMAS


def _fits(part: Node, row: Row, aliases: set[str], constants: Constants) -> bool | None:
    if _is_of_all(part) or (_is_join(part) and len(aliases) > 1):
        return True
    test = part.get("A_Expr", {})
    column = parts_of(test.get("lexpr", {}).get("ColumnRef", {}).get("fields", []))
    value = row.get(column[-1]) if column and set(column[:-1]) <= aliases else None
    items = test.get("rexpr", {}).get("List", {}).get("items") or [test.get("rexpr", {})]
    wanted = [constants.of(item) for item in items]
    said = (test.get("kind"), *parts_of(test.get("name", [])))
    if value is None or said not in _TESTS:
        return None
    if said[0] == "AEXPR_LIKE":
        return None if wanted[0] is None else _like(value, wanted[0]) is (said[1] == "~~")
    return True if value in wanted else None if None in wanted else False


def _like(value: str, pattern: str) -> bool:
    parts = (re.escape(each[-1]) if len(each) > 1 else _WILD.get(each) or re.escape(each) for each in _LIKE(pattern))
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def _is_of_all(part: Node) -> bool:
    """Whether a condition is true for every column in the model, such as `NOT attisdropped` or `attnum > 0`.

    The model contains neither dropped columns nor system columns.
    """
    negated = part.get("BoolExpr", {})
    inner = (
        negated.get("args", [{}])[0] if negated.get("boolop") == "NOT_EXPR" else part.get("A_Expr", {}).get("lexpr", {})
    )
    column = parts_of(inner.get("ColumnRef", {}).get("fields", []))[-1:]
    return column == ("attisdropped",) if negated else column == ("attnum",)


def _is_class(relation: Node) -> bool:
    """Whether `relation` is pg_class, which is sorted last because rows of other catalogs also name the table."""
    return bool(relation.get("relname") == "pg_class")


def _alias(relation: Node) -> str:
    alias: str = relation.get("alias", {}).get("aliasname") or relation.get("relname", "")
    return alias


def _joined_by_keys(select: Node) -> bool:
    """Whether every join uses the key of the object's table or schema, and therefore loses no row."""
    joins = [node for kind, node in walk(select.get("fromClause", [])) if kind == "JoinExpr"]
    return all(_is_join(each.get("quals", {})) for each in joins)


def _is_join(part: Node) -> bool:
    """Whether a condition is a join by key, such as `n.oid = c.relnamespace`."""
    sides = [part.get("A_Expr", {}).get(side, {}).get("ColumnRef", {}) for side in ("lexpr", "rexpr")]
    names = {"".join(parts_of(side.get("fields", []))[-1:]) for side in sides}
    return "oid" in names and len(names & _KEYS) == 1
