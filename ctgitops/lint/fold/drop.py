"""Applies DROP to lint's model of the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...sql.nodes import Name, Node, dropped_names, qualified

if TYPE_CHECKING:
    from ..catalog import Catalog, Table

_TABLES = {"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"}


def drop(catalog: Catalog, node: Node) -> None:
    """Drops tables, views, indexes, policies, domains, functions and schemas."""
    what = node.get("removeType", "")
    for parts in dropped_names(node):
        name = qualified(parts)
        if what in _TABLES:
            _table(catalog, catalog.full(name))
        elif what == "OBJECT_INDEX":
            catalog.indexes.pop(catalog.full(name), None)
        elif what == "OBJECT_POLICY":
            _policy(catalog, qualified(parts[:-1]), name[1])
        elif what == "OBJECT_SCHEMA":
            _schema(catalog, name[1])
        elif what in {"OBJECT_FUNCTION", "OBJECT_ROUTINE"}:
            _first(catalog.functions, catalog, name)
        elif what in {"OBJECT_DOMAIN", "OBJECT_TYPE"}:
            _first(catalog.domains, catalog, name)


def _policy(catalog: Catalog, table: Name, name: str) -> None:
    if found := catalog.table(table):
        found.policies.pop(name, None)


def _first(of: dict[Name, Any], catalog: Catalog, name: Name) -> None:
    for schema in (name[0],) if name[0] else catalog.path:
        if of.pop((schema, name[1]), None):
            return


def _table(catalog: Catalog, name: Name) -> None:
    table = catalog.tables.pop(name, None)
    for index in [key for key, each in catalog.indexes.items() if each.table == name]:
        del catalog.indexes[index]
    for child in table.partitions if table else ():
        _table(catalog, child)
    for other in catalog.tables.values():
        other.partitions.discard(name)
        other.default_partition = None if other.default_partition == name else other.default_partition
        for constraint in [
            n for n, c in other.constraints.items() if c.refers_to and catalog.full(c.refers_to) == name
        ]:
            del other.constraints[constraint]


def _schema(catalog: Catalog, schema: str) -> None:
    for name in [name for name in catalog.tables if name[0] == schema]:
        _table(catalog, name)


def with_column(catalog: Catalog, of: Table, column: str) -> None:
    """Drops the indexes and constraints that use a column."""
    for key in [key for key, index in catalog.indexes.items() if index.table == of.name and column in index.columns]:
        del catalog.indexes[key]
    for name in [name for name, constraint in of.constraints.items() if column in constraint.columns]:
        del of.constraints[name]
