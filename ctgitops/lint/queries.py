"""Reads queries: the relations that a query reads, and the columns that it returns."""

from __future__ import annotations

from collections.abc import Iterator

from ..sql.nodes import Name, Node, parts_of, relation_name, walk
from .catalog import Catalog, Column
from .types import type_of


def relations_in(query: Node, catalog: Catalog) -> frozenset[Name]:
    """The relations that a query reads. Leaves out names that WITH defines."""
    nodes = list(walk(query))
    defined = {node.get("ctename") for kind, node in nodes if kind == "CommonTableExpr"}
    names = (relation_name(node) for kind, node in nodes if kind == "RangeVar")
    return frozenset(catalog.full(name) for name in names if name[0] or name[1] not in defined)


def columns_of(query: Node, catalog: Catalog) -> dict[str, Column]:
    """The result columns whose types are certain: casts, and the columns of a query on a single table."""
    select = query.get("SelectStmt", {})
    sources = [item.get("RangeVar", {}) for item in select.get("fromClause", ())]
    table = catalog.table(relation_name(sources[0])) if len(sources) == 1 and "withClause" not in select else None
    known = table.columns if table else {}
    found: dict[str, Column] = {}
    for item in select.get("targetList", ()):
        found |= dict(_column(item.get("ResTarget", {}), known))
    return found


def _column(target: Node, known: dict[str, Column]) -> Iterator[tuple[str, Column]]:
    value = target.get("val", {})
    fields = value.get("ColumnRef", {}).get("fields", [])
    name = "".join(parts_of(fields)[-1:])
    if fields and "A_Star" in fields[-1]:
        yield from ((each, Column(column.type, collation=column.collation)) for each, column in known.items())
    elif name in known:
        yield target.get("name", name), Column(known[name].type, collation=known[name].collation)
    elif "name" in target and "TypeCast" in value:
        yield target["name"], Column(type_of(value["TypeCast"].get("typeName", {})))
