"""Finds the function calls of a statement, without those in branches that are known not to run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..sql.nodes import Node
from .catalog import Catalog
from .catalog_query import aggregates
from .conditions import Reader


def calls(node: Any, catalog: Catalog) -> Iterator[Node]:
    """The function calls in a statement, without those that are known not to run."""
    reader, left = Reader(catalog, {}, {}), [node]
    while left:
        each = left.pop()
        if isinstance(each, list):
            left += reversed(each)
        elif isinstance(each, dict):
            if "FuncCall" in each:
                yield each["FuncCall"]
            left += reversed(_run(each, reader))


def _run(node: Node, reader: Reader) -> list[Any]:
    """The children of a node that can run."""
    select, case = node.get("SelectStmt", {}), node.get("CaseExpr", {})
    if select and not aggregates(select) and reader.finds(select) is False:
        return [select.get(clause) for clause in ("withClause", "fromClause", "whereClause")]
    return _arms(case, reader) if case and "arg" not in case else list(node.values())


def _arms(case: Node, reader: Reader) -> list[Any]:
    """The CASE branches that can be taken, and the conditions evaluated before them."""
    run: list[Any] = []
    for arm in (each.get("CaseWhen", {}) for each in case.get("args", ())):
        said = reader.truth(arm.get("expr", {}))
        run += [arm.get("expr"), arm.get("result") if said is not False else None]
        if said:
            return run
    return [*run, case.get("defresult")]
