"""Finds the values that the variables of a PL/pgSQL body can have."""

from __future__ import annotations

from collections.abc import Sequence

from .nodes import Node


def query_of(node: Node, key: str) -> str:
    """The text of an expression, or of a statement; empty where there is none."""
    text: str = node.get(key, {}).get("PLpgSQL_expr", {}).get("query", "")
    return text


def values_in(nodes: Sequence[tuple[str, Node]]) -> dict[str, tuple[str, ...]]:
    """By variable name, the expressions assigned to it; a query is in parentheses."""
    return _values(nodes) | _asked(nodes)


def _asked(nodes: Sequence[tuple[str, Node]]) -> dict[str, tuple[str, ...]]:
    """For variables set exactly once, by SELECT … INTO: the query, in parentheses."""
    names = _names(nodes)
    found: dict[str, list[str]] = {}
    for kind, node in nodes:
        fields = _fields(node)
        query = f"({query_of(node, 'sqlstmt')})" if kind == "PLpgSQL_stmt_execsql" and len(fields) == 1 else ""
        for field in fields if kind.startswith("PLpgSQL_stmt") else ():
            found.setdefault(field.get("name", ""), []).append(query)
        for name in (_assigned(kind, node, names), _diagnosed(kind, node, names)):
            if name is not None:
                found.setdefault(name, []).append("")
    return {name: (queries[0],) for name, queries in found.items() if len(queries) == 1 and queries[0]}


def _values(nodes: Sequence[tuple[str, Node]]) -> dict[str, tuple[str, ...]]:
    """By variable, the values from DECLARE, `:=` and FOREACH. Variables that a query sets are left out."""
    names = _names(nodes)
    unknown = {each.get("name", "") for kind, node in nodes if kind == "PLpgSQL_row" for each in node.get("fields", ())}
    found: dict[str, list[str]] = {}
    for kind, node in nodes:
        if kind == "PLpgSQL_var" and "default_val" in node:
            found.setdefault(node.get("refname", ""), []).append(query_of(node, "default_val"))
        elif (name := _assigned(kind, node, names)) is not None:
            text = query_of(node, "expr")
            value = text.partition(":=")[2] if kind == "PLpgSQL_stmt_assign" else text
            found.setdefault(name, []).append(value)
        unknown |= {_diagnosed(kind, node, names) or ""}
    return {name: tuple(each) for name, each in found.items() if name and name not in unknown}


def _names(nodes: Sequence[tuple[str, Node]]) -> list[str]:
    """The names of the variables, by number."""
    datums = [each for kind, node in nodes if kind == "PLpgSQL_function" for each in node.get("datums", ())]
    return [inner.get("refname", "") for each in datums for inner in each.values()]


def _fields(node: Node) -> Sequence[Node]:
    """The variables that a statement with INTO, a FETCH or a loop sets. Elsewhere `target` is a variable's number."""
    target = node.get("target") or node.get("var")
    fields: Sequence[Node] = target.get("PLpgSQL_row", {}).get("fields", ()) if isinstance(target, dict) else ()
    return fields


def _assigned(kind: str, node: Node, names: list[str]) -> str | None:
    """The variable that `:=` or FOREACH sets; None for other nodes."""
    number = node.get("varno", 0) if kind in {"PLpgSQL_stmt_assign", "PLpgSQL_stmt_foreach_a"} else len(names)
    return names[number] if 0 <= number < len(names) else None


def _diagnosed(kind: str, node: Node, names: list[str]) -> str | None:
    """The variable that GET DIAGNOSTICS sets, known only at run time; None for other nodes."""
    number = node.get("target", 0) if kind == "PLpgSQL_diag_item" else len(names)
    return names[number] if 0 <= number < len(names) else None
