"""Applies RENAME and SET SCHEMA to lint's model of the schema, and updates references to the renamed object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ...sql.nodes import Name, Node, name_of, relation_name, with_column_renamed

if TYPE_CHECKING:
    from ..catalog import Catalog, Table

_TABLES = {"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"}
"""Types of relations. Excludes triggers, rules and policies, although their RENAME also names the table."""
_TYPES = {"OBJECT_DOMAIN", "OBJECT_TYPE"}


def rename(catalog: Catalog, node: Node) -> None:
    """Applies RENAME of a schema, table, column, constraint, index or type."""
    if node.get("renameType") == "OBJECT_SCHEMA":
        _rename_schema(catalog, node.get("subname", ""), node.get("newname", ""))
        return
    if node.get("renameType") in _TYPES:
        of = name_of(node.get("object", {}).get("List", {}).get("items", []))
        _rename_type(catalog, of, lambda old: (old[0], node.get("newname", "")))
    elif "relation" in node:
        _rename_in(catalog, node)


def _rename_in(catalog: Catalog, node: Node) -> None:
    """Applies RENAME of a relation, or of one of its columns, constraints or indexes."""
    name = catalog.full(relation_name(node.get("relation", {})))
    found, new = catalog.tables.get(name), node.get("newname", "")
    if node.get("renameType") == "OBJECT_COLUMN" and found:
        _rename_column(catalog, found, node.get("subname", ""), new)
    elif node.get("renameType") == "OBJECT_TABCONSTRAINT" and found and node.get("subname") in found.constraints:
        _rename_constraint(catalog, found, node["subname"], new)
    elif name in catalog.indexes:
        catalog.indexes[name[0], new] = catalog.indexes.pop(name)
    elif found and node.get("renameType") == "OBJECT_POLICY":
        policy = found.policies.pop(node.get("subname", ""), None)
        found.policies |= {new: policy} if policy else {}
    elif found and node.get("renameType") in _TABLES:
        rename_table(catalog, found, (name[0], new))


def _rename_constraint(catalog: Catalog, of: Table, old: str, new: str) -> None:
    of.constraints[new] = of.constraints.pop(old)
    if (of.name[0], old) in catalog.indexes:
        catalog.indexes[of.name[0], new] = catalog.indexes.pop((of.name[0], old))


def _rename_column(catalog: Catalog, of: Table, old: str, new: str) -> None:
    if old in of.columns:
        of.columns[new] = of.columns.pop(old)
    for index in catalog.indexes_on(of.name, [old]):
        index.columns = index.columns - {old} | {new}
        index.own_classes = index.own_classes - {old} | ({new} if old in index.own_classes else set())
    for constraint in of.constraints.values():
        if old in constraint.columns:
            constraint.columns = constraint.columns - {old} | {new}
            constraint.expression = with_column_renamed(constraint.expression, old, new)
    if of.partition_key and old in of.partition_key[1]:
        how, columns = of.partition_key
        of.partition_key = (how, tuple(new if column == old else column for column in columns))
    for part in filter(None, map(catalog.tables.get, of.partitions)):
        _rename_column(catalog, part, old, new)


def rename_table(catalog: Catalog, table: Table, new: tuple[str, str]) -> None:
    """Changes the name or schema of a table in the model, and updates references to the table."""
    old = table.name
    catalog.tables[new] = catalog.tables.pop(old)
    table.name = new
    for key in [key for key, index in catalog.indexes.items() if index.table == old]:
        catalog.indexes[new[0], key[1]] = replace(catalog.indexes.pop(key), table=new)
    for other in catalog.tables.values():
        if old in other.partitions:
            other.partitions = other.partitions - {old} | {new}
            other.default_partition = new if other.default_partition == old else other.default_partition


def _rename_schema(catalog: Catalog, old: str, new: str) -> None:
    """Renames a schema with all its objects."""
    for table in [table for table in catalog.tables.values() if table.name[0] == old]:
        rename_table(catalog, table, (new, table.name[1]))
    for key in [key for key in catalog.functions if key[0] == old]:
        catalog.functions[new, key[1]] = catalog.functions.pop(key)
    types = {*catalog.domains, *(table.of_type for table in catalog.tables.values() if table.of_type)}
    for name in [name for name in types if name[0] == old]:
        _rename_type(catalog, name, lambda each: (new, each[1]))


def move(catalog: Catalog, node: Node) -> None:
    """Applies ALTER … SET SCHEMA."""
    if node.get("objectType") in _TYPES:
        of = name_of(node.get("object", {}).get("List", {}).get("items", []))
        _rename_type(catalog, of, lambda old: (node.get("newschema", ""), old[1]))
        return
    found = catalog.table(relation_name(node.get("relation", {})))
    if found:
        rename_table(catalog, found, (node.get("newschema", ""), found.name[1]))


def _rename_type(catalog: Catalog, name: Name, new: Callable[[Name], Name]) -> None:
    """Renames a domain and updates its columns, or renames a composite type and updates its typed tables."""
    for table in catalog.typed(name):
        table.of_type = new(catalog.full(name))
    keys = [(schema, name[1]) for schema in ((name[0],) if name[0] else catalog.path)]
    old = next((key for key in keys if key in catalog.domains), None)
    if old is None:
        return
    renamed = new(old)
    for table in catalog.users_of(old):
        for column in table.columns.values():
            if column.type.name == old[1] and column.type.schema in {"", old[0]}:
                column.type = replace(column.type, schema=renamed[0], name=renamed[1])
    catalog.domains[renamed] = catalog.domains.pop(old)
