"""ALTER: tables, domains, functions, names, and the search path."""

from __future__ import annotations

from collections.abc import Callable

from ...sql.nodes import Node
from ..added import added_column, collation_of, constraint_of, target
from ..catalog import Catalog, Column, Table
from ..nodes import name_of, option, relation_name
from ..types import type_of
from . import create, drop


def table(catalog: Catalog, node: Node) -> None:
    """ALTER TABLE, each part in its turn."""
    found = catalog.table(relation_name(node.get("relation", {})))
    if found is None:
        catalog.complete = catalog.complete and bool(node.get("missing_ok"))  # somebody else made it
        return
    for item in node.get("cmds", ()):
        command = item.get("AlterTableCmd", {})
        if fold := _PARTS.get(command.get("subtype", "")):
            fold(catalog, found, command)


def _add_column(catalog: Catalog, to: Table, command: Node) -> None:
    added = added_column(target(command))
    if added.name not in to.columns:
        create.add_column(catalog, to, added)


def _drop_column(catalog: Catalog, of: Table, command: Node) -> None:
    name = command.get("name", "")
    of.columns.pop(name, None)
    drop.with_column(catalog, of, name)


def _add_constraint(catalog: Catalog, to: Table, command: Node) -> None:
    create.add_constraint(catalog, to, target(command))


def _drop_constraint(catalog: Catalog, of: Table, command: Node) -> None:
    name = command.get("name", "")
    of.constraints.pop(name, None)
    catalog.indexes.pop((of.name[0], name), None)


def _validate(_catalog: Catalog, of: Table, command: Node) -> None:
    constraint = of.constraints.get(command.get("name", ""))
    if constraint:
        constraint.valid = True
        if constraint.kind == "CONSTR_NOTNULL":
            for name in constraint.columns:
                of.columns.setdefault(name, Column()).not_null = True


def _type(_catalog: Catalog, of: Table, command: Node) -> None:
    column = of.columns.setdefault(command.get("name", ""), Column())
    column.type = type_of(target(command).get("typeName", {}))
    column.collation = collation_of(target(command))


def _nullable(*, not_null: bool) -> Callable[[Catalog, Table, Node], None]:
    def fold(_catalog: Catalog, of: Table, command: Node) -> None:
        of.columns.setdefault(command.get("name", ""), Column()).not_null = not_null

    return fold


def _logged(*, logged: bool) -> Callable[[Catalog, Table, Node], None]:
    def fold(_catalog: Catalog, of: Table, _command: Node) -> None:
        of.logged = logged

    return fold


def _access_method(_catalog: Catalog, of: Table, command: Node) -> None:
    of.storage = (command.get("name", "heap"), of.storage[1])


def _tablespace(_catalog: Catalog, of: Table, command: Node) -> None:
    of.storage = (of.storage[0], command.get("name", "").replace("pg_default", ""))


def _row_security(_catalog: Catalog, of: Table, _command: Node) -> None:
    of.row_security = True


def _attach(catalog: Catalog, to: Table, command: Node) -> None:
    part = target(command)
    child = catalog.table(relation_name(part.get("name", {})))
    if child:
        to.partitions.add(child.name)
        if part.get("bound", {}).get("is_default"):
            to.default_partition = child.name


def _detach(catalog: Catalog, of: Table, command: Node) -> None:
    name = catalog.full(relation_name(target(command).get("name", {})))
    of.partitions.discard(name)
    of.default_partition = None if of.default_partition == name else of.default_partition


_PARTS: dict[str, Callable[[Catalog, Table, Node], None]] = {
    "AT_AddColumn": _add_column,
    "AT_DropColumn": _drop_column,
    "AT_AddConstraint": _add_constraint,
    "AT_DropConstraint": _drop_constraint,
    "AT_ValidateConstraint": _validate,
    "AT_AlterColumnType": _type,
    "AT_SetNotNull": _nullable(not_null=True),
    "AT_DropNotNull": _nullable(not_null=False),
    "AT_SetLogged": _logged(logged=True),
    "AT_SetUnLogged": _logged(logged=False),
    "AT_SetAccessMethod": _access_method,
    "AT_SetTableSpace": _tablespace,
    "AT_EnableRowSecurity": _row_security,
    "AT_AttachPartition": _attach,
    "AT_DetachPartition": _detach,
}


def domain(catalog: Catalog, node: Node) -> None:
    """ALTER DOMAIN."""
    schema, bare = name_of(node.get("typeName", []))
    found = catalog.domains.get((schema or (catalog.path[0] if catalog.path else ""), bare))
    if found is None:
        return
    if node.get("subtype") == "C":
        constraint = constraint_of(target(node))
        found.constraints[target(node).get("conname", "") or f"check {len(found.constraints)}"] = constraint
        found.checked = True
    elif node.get("subtype") == "O":
        found.checked = found.not_null = True
    elif node.get("subtype") == "N":
        found.not_null = False
    elif node.get("subtype") == "X":
        found.constraints.pop(node.get("name", ""), None)


def function(catalog: Catalog, node: Node) -> None:
    """ALTER FUNCTION … STABLE."""
    found = catalog.function(name_of(node.get("func", {}).get("objname", [])))
    volatility = option(node.get("actions", []), "volatility")
    if found and volatility:
        found.volatility = volatility.get("arg", {}).get("String", {}).get("sval", found.volatility)


def rename(catalog: Catalog, node: Node) -> None:
    """RENAME of a table, a column, a constraint, an index."""
    name = catalog.full(relation_name(node.get("relation", {})))
    found, new = catalog.tables.get(name), node.get("newname", "")
    if node.get("renameType") == "OBJECT_COLUMN" and found:
        _rename_column(catalog, found, node.get("subname", ""), new)
    elif node.get("renameType") == "OBJECT_TABCONSTRAINT" and found and node.get("subname") in found.constraints:
        found.constraints[new] = found.constraints.pop(node["subname"])
        if (name[0], node["subname"]) in catalog.indexes:
            catalog.indexes[name[0], new] = catalog.indexes.pop((name[0], node["subname"]))
    elif name in catalog.indexes:
        catalog.indexes[name[0], new] = catalog.indexes.pop(name)
    elif found and node.get("renameType") != "OBJECT_COLUMN":
        rename_table(catalog, found, (name[0], new))


def _rename_column(catalog: Catalog, of: Table, old: str, new: str) -> None:
    if old in of.columns:
        of.columns[new] = of.columns.pop(old)
    for index in catalog.indexes_on(of.name, [old]):
        index.columns = index.columns - {old} | {new}
    for constraint in of.constraints.values():
        if old in constraint.columns:
            constraint.columns = constraint.columns - {old} | {new}


def rename_table(catalog: Catalog, table: Table, new: tuple[str, str]) -> None:
    """Another name or schema for a table, which stays what it was."""
    old = table.name
    catalog.tables[new] = catalog.tables.pop(old)
    table.name = new
    for index in catalog.indexes_on(old):
        index.table = new
    for other in catalog.tables.values():
        if old in other.partitions:
            other.partitions = other.partitions - {old} | {new}
            other.default_partition = new if other.default_partition == old else other.default_partition


def move(catalog: Catalog, node: Node) -> None:
    """ALTER … SET SCHEMA."""
    found = catalog.table(relation_name(node.get("relation", {})))
    if found:
        rename_table(catalog, found, (node.get("newschema", ""), found.name[1]))


def setting(catalog: Catalog, node: Node) -> None:
    """SET search_path, SET TIME ZONE."""
    words = [item.get("A_Const", {}).get("sval", {}).get("sval", "") for item in node.get("args", ())]
    if node.get("name", "").lower() == "timezone":
        catalog.timezone = "".join(words)
    if node.get("name") == "search_path":
        catalog.path = tuple(filter(None, words)) or ("public",)
