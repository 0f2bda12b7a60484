"""Reads names, constants and columns from parse trees, and checks whether two expressions are equal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..sql.nodes import Node, parts_of, quoted_name, walk

_PLAIN = re.compile(r"[a-z_…][a-z0-9_$…]*")
Name = tuple[str, str]
"""Schema and name; the schema is empty if the statement does not qualify the name."""


def relation_name(relation: Node) -> Name:
    """The name of a RangeVar."""
    return relation.get("schemaname", ""), relation.get("relname", "")


def name_of(items: list[Node]) -> Name:
    """The name in a list of String nodes."""
    return qualified(parts_of(items))


def qualified(parts: tuple[str, ...]) -> Name:
    """The name with these parts. A database name before the schema is ignored."""
    return (parts[-2] if len(parts) > 1 else "", parts[-1] if parts else "")


def columns_in(node: Any) -> frozenset[str]:
    """The columns that an expression references."""
    found = (parts_of(inner.get("fields", []))[-1:] for kind, inner in walk(node) if kind == "ColumnRef")
    return frozenset(name for names in found for name in names if name)


def with_column_renamed(node: Any, old: str, new: str) -> Any:
    """A copy of the tree with one column renamed."""
    if isinstance(node, list):
        return [with_column_renamed(item, old, new) for item in node]
    if not isinstance(node, dict):
        return node
    if "ColumnRef" in node and columns_in(node) == {old}:
        return {"ColumnRef": {"fields": [{"String": {"sval": new}}]}}
    return {key: with_column_renamed(value, old, new) for key, value in node.items()}


def canonical(node: Any) -> Any:
    """A copy of the tree with unqualified column names, and without locations and casts of constants."""
    if isinstance(node, list):
        return [canonical(item) for item in node]
    if not isinstance(node, dict):
        return node
    cast = node.get("TypeCast")
    if cast and {"A_Const", "ColumnRef"} & set(cast.get("arg", {})):
        return canonical(cast["arg"])
    if "ColumnRef" in node:
        return {"ColumnRef": parts_of(node["ColumnRef"].get("fields", []))[-1:]}
    return {
        key: canonical(value)
        for key, value in node.items()
        if key not in {"location", "rexpr_list_start", "rexpr_list_end", "list_start", "list_end"}
    }


def same(one: Any, two: Any) -> bool:
    """Whether two expressions are equal after `canonical`."""
    return bool(canonical(one) == canonical(two))


def conjuncts(node: Any) -> Iterator[Node]:
    """The operands of AND in an expression."""
    whole = node if isinstance(node, dict) else {}
    both = whole.get("BoolExpr", {})
    if both.get("boolop") == "AND_EXPR":
        for part in both.get("args", ()):
            yield from conjuncts(part)
    elif whole:
        yield whole


def not_null_columns(parts: Iterable[Node]) -> frozenset[str]:
    """The columns that the conjuncts of a CHECK prove to be not null."""
    tests = (part.get("NullTest", {}) for part in parts)
    proved = [t["arg"] for t in tests if t.get("nulltesttype") == "IS_NOT_NULL" and "ColumnRef" in t.get("arg", {})]
    return frozenset().union(*map(columns_in, proved))


def identifier(text: str) -> str:
    """An identifier, quoted only if SQL requires it."""
    return text if _PLAIN.fullmatch(text) else quoted_name(text)


def written(name: Name) -> str:
    """A qualified name, formatted for people."""
    return ".".join(filter(None, name))
