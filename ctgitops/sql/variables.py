"""Finds the values that the variables of a PL/pgSQL body can have."""

from __future__ import annotations

from collections.abc import Sequence

from .nodes import Node


def query_of(node: Node, key: str) -> str:
    """The text of an expression, or of a statement; empty where there is none."""
    text: str = node.get(key, {}).get("PLpgSQL_expr", {}).get("query", "")
    return text


def values_in(nodes: Sequence[tuple[str, Node]]) -> dict[str, tuple[str, ...]]:
    """By each variable's name the expressions that give it a value; a query that does stands in brackets."""
    return _values(nodes) | _asked(nodes)


def _asked(nodes: Sequence[tuple[str, Node]]) -> dict[str, tuple[str, ...]]:
    """What is set once only, by SELECT … INTO: the query, in brackets."""
    datums = [each for kind, node in nodes if kind == "PLpgSQL_function" for each in node.get("datums", ())]
    names = [inner.get("refname", "") for each in datums for inner in each.values()]
    found: dict[str, list[str]] = {}
    for kind, node in nodes:
        fields = (node.get("target") or node.get("var") or {}).get("PLpgSQL_row", {}).get("fields", ())
        query = f"({query_of(node, 'sqlstmt')})" if kind == "PLpgSQL_stmt_execsql" and len(fields) == 1 else ""
        for field in fields if kind.startswith("PLpgSQL_stmt") else ():
            found.setdefault(field.get("name", ""), []).append(query)
        if kind in {"PLpgSQL_stmt_assign", "PLpgSQL_stmt_foreach_a"} and node.get("varno", 0) < len(names):
            found.setdefault(names[node.get("varno", 0)], []).append("")
    return {name: (queries[0],) for name, queries in found.items() if len(queries) == 1 and queries[0]}


def _values(nodes: Sequence[tuple[str, Node]]) -> dict[str, tuple[str, ...]]:
    """What each variable is set to: by DECLARE, by `:=`, by FOREACH. What a query gives it is not in here."""
    datums = [each for kind, node in nodes if kind == "PLpgSQL_function" for each in node.get("datums", ())]
    names = [inner.get("refname", "") for each in datums for inner in each.values()]
    unknown = {each.get("name", "") for kind, node in nodes if kind == "PLpgSQL_row" for each in node.get("fields", ())}
    found: dict[str, list[str]] = {}
    for kind, node in nodes:
        if kind == "PLpgSQL_var" and "default_val" in node:
            found.setdefault(node["refname"], []).append(query_of(node, "default_val"))
        elif kind in {"PLpgSQL_stmt_assign", "PLpgSQL_stmt_foreach_a"} and node.get("varno", 0) < len(names):
            text = query_of(node, "expr")
            value = text.partition(":=")[2] if kind == "PLpgSQL_stmt_assign" else text
            found.setdefault(names[node.get("varno", 0)], []).append(value)
    return {name: tuple(each) for name, each in found.items() if name and name not in unknown}
