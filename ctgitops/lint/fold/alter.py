"""Applies ALTER TABLE, ALTER DOMAIN, ALTER FUNCTION, CLUSTER and SET to lint's model of the schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...sql.nodes import Node, commands, name_of, option, options_of, relation_name, switched_on, text_of
from ..added_columns import added_column, collation_of, constraint_of, is_null, target
from ..catalog import Catalog, Column, Table
from ..types import type_of
from . import create, drop

_Fold = Callable[[Catalog, Table, Node], None]


def table(catalog: Catalog, node: Node) -> None:
    """Applies the actions of ALTER TABLE in order, and the actions of ALTER TYPE to the typed tables of this type."""
    name, commands_ = relation_name(node.get("relation", {})), list(commands("AlterTableStmt", node))
    if node.get("objtype") == "OBJECT_TYPE":
        for each in catalog.typed(name):
            _fold(catalog, each, commands_, whole=True)
        return
    found = catalog.table(name)
    if found:
        _fold(catalog, found, commands_, whole=bool(node.get("relation", {}).get("inh")))
    elif node.get("objtype") in _WITH_ROWS and any(each.get("subtype") != "AT_ChangeOwner" for each in commands_):
        catalog.complete = catalog.complete and bool(node.get("missing_ok"))  # the table is not in the model


def _fold(catalog: Catalog, found: Table, commands_: list[Node], *, whole: bool) -> None:
    for command in commands_:
        for each in _with_partitions(catalog, found) if whole and _goes_down(command) else (found,):
            if fold := _PARTS.get(command.get("subtype", "")):
                fold(catalog, each, command)


def _goes_down(command: Node) -> bool:
    """Whether PostgreSQL also applies the action to each partition."""
    if command.get("subtype") == "AT_AddConstraint":
        return target(command).get("contype") in {"CONSTR_CHECK", "CONSTR_NOTNULL"}
    return command.get("subtype") in _DOWN


def _with_partitions(catalog: Catalog, table: Table) -> Iterator[Table]:
    """A table and all its partitions, each only once. An invalid model may have a cycle of partitions."""
    left, seen = [table], {table.name}
    while left:
        each = left.pop()
        yield each
        parts = [part for part in map(catalog.tables.get, sorted(each.partitions - seen)) if part]
        seen |= each.partitions
        left += reversed(parts)


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


def _alter_constraint(_catalog: Catalog, of: Table, command: Node) -> None:
    """Applies ALTER CONSTRAINT … [NOT] ENFORCED. ENFORCED validates a constraint that was NOT ENFORCED."""
    part = target(command)
    constraint = of.constraints.get(part.get("conname", ""))
    if constraint and part.get("alterEnforceability"):
        enforced = bool(part.get("is_enforced"))
        constraint.valid = enforced and (constraint.valid or not constraint.enforced)
        constraint.enforced = enforced


def _type(_catalog: Catalog, of: Table, command: Node) -> None:
    column = of.columns.setdefault(command.get("name", ""), Column())
    column.type = type_of(target(command).get("typeName", {}))
    column.collation = collation_of(target(command))


def _plain(_catalog: Catalog, of: Table, command: Node) -> None:
    """Applies DROP EXPRESSION."""
    of.columns.setdefault(command.get("name", ""), Column()).generated = ""


def _nullable(*, not_null: bool) -> _Fold:
    def fold(_catalog: Catalog, of: Table, command: Node) -> None:
        of.columns.setdefault(command.get("name", ""), Column()).not_null = not_null

    return fold


def _default(_catalog: Catalog, of: Table, command: Node) -> None:
    """Applies SET DEFAULT and DROP DEFAULT. The node has no definition for DROP DEFAULT and SET DEFAULT NULL."""
    of.columns.setdefault(command.get("name", ""), Column()).default = not is_null(command.get("def"))


def _attribute(name: str, value: object) -> _Fold:
    """Returns a function that sets the attribute `name` of the model's table to `value`."""
    return lambda _catalog, of, _command: setattr(of, name, value)


def _options(_catalog: Catalog, of: Table, command: Node) -> None:
    """Applies SET and RESET of a view's options."""
    invoker = security_invoker(command)
    of.security_invoker = of.security_invoker if invoker is None else invoker


def security_invoker(command: Node) -> bool | None:
    """The new value of the option `security_invoker`. None if the action does not change the option."""
    items = target(command).get("List", {}).get("items", [])
    if option(items, "security_invoker") is None:
        return None
    return command.get("subtype") == "AT_SetRelOptions" and switched_on(items, "security_invoker")


def _access_method(_catalog: Catalog, of: Table, command: Node) -> None:
    of.storage = (command.get("name", "heap"), of.storage[1])


def _tablespace(_catalog: Catalog, of: Table, command: Node) -> None:
    of.storage = (of.storage[0], command.get("name", "").replace("pg_default", ""))


def _attach(catalog: Catalog, to: Table, command: Node) -> None:
    part = target(command)
    child = catalog.table(relation_name(part.get("name", {})))
    if child and all(each is not to for each in _with_partitions(catalog, child)):  # PostgreSQL rejects a cycle
        create.become_partition(child, to, part.get("bound", {}))


def _detach(catalog: Catalog, of: Table, command: Node) -> None:
    name = catalog.full(relation_name(target(command).get("name", {})))
    of.partitions.discard(name)
    of.default_partition = None if of.default_partition == name else of.default_partition
    if child := catalog.tables.get(name):
        child.bound = None


def _cluster_on(catalog: Catalog, of: Table, command: Node) -> None:
    for index in catalog.indexes_on(of.name):
        index.clustered = False
    chosen = catalog.indexes.get((of.name[0], command.get("name", "")))
    if chosen:
        chosen.clustered = True


def _of_type(catalog: Catalog, of: Table, command: Node) -> None:
    of.of_type = catalog.full(name_of(target(command).get("TypeName", {}).get("names", [])))


_WITH_ROWS = {"OBJECT_TABLE", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"}
"""The types of relations that have rows. An AlterTableStmt can also be ALTER INDEX, SEQUENCE or TYPE."""
_DOWN = {
    "AT_DropColumn", "AT_DropConstraint", "AT_ValidateConstraint", "AT_AlterColumnType", "AT_SetNotNull",
    "AT_DropNotNull",
}  # fmt: skip
_PARTS: dict[str, _Fold] = {
    "AT_AddColumn": _add_column,
    "AT_DropColumn": _drop_column,
    "AT_AddConstraint": _add_constraint,
    "AT_DropConstraint": _drop_constraint,
    "AT_ValidateConstraint": _validate,
    "AT_AlterConstraint": _alter_constraint,
    "AT_AlterColumnType": _type,
    "AT_DropExpression": _plain,
    "AT_ColumnDefault": _default,
    "AT_AddIdentity": _default,
    "AT_DropIdentity": _default,
    "AT_SetNotNull": _nullable(not_null=True),
    "AT_DropNotNull": _nullable(not_null=False),
    "AT_SetLogged": _attribute("logged", value=True),
    "AT_SetUnLogged": _attribute("logged", value=False),
    "AT_SetAccessMethod": _access_method,
    "AT_SetTableSpace": _tablespace,
    "AT_EnableRowSecurity": _attribute("row_security", value=True),
    "AT_DisableRowSecurity": _attribute("row_security", value=False),
    "AT_ForceRowSecurity": _attribute("row_security_forced", value=True),
    "AT_NoForceRowSecurity": _attribute("row_security_forced", value=False),
    "AT_SetRelOptions": _options,
    "AT_ResetRelOptions": _options,
    "AT_ClusterOn": _cluster_on,
    "AT_DropCluster": _cluster_on,
    "AT_AddOf": _of_type,
    "AT_DropOf": _attribute("of_type", None),
    "AT_AttachPartition": _attach,
    "AT_DetachPartition": _detach,
}


def cluster(catalog: Catalog, node: Node) -> None:
    """Applies CLUSTER … USING. PostgreSQL uses the same index for a later CLUSTER without USING."""
    found = catalog.table(relation_name(node.get("relation", {})))
    if found and "indexname" in node:
        _cluster_on(catalog, found, {"name": node["indexname"]})


def domain(catalog: Catalog, node: Node) -> None:
    """Applies ALTER DOMAIN."""
    found = catalog.domains.get(catalog.created(name_of(node.get("typeName", []))))
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
        found.checked = bool(found.constraints)
    elif node.get("subtype") == "X":
        found.constraints.pop(node.get("name", ""), None)
        found.checked = found.not_null or bool(found.constraints)


def function(catalog: Catalog, node: Node) -> None:
    """Applies the volatility that ALTER FUNCTION sets, such as STABLE."""
    found = catalog.function(name_of(node.get("func", {}).get("objname", [])))
    if found:
        volatility = options_of(node.get("actions", [])).get("volatility", {})
        found.volatility = volatility.get("String", {}).get("sval", found.volatility)


def setting(catalog: Catalog, node: Node) -> None:
    """Applies SET search_path and SET TIME ZONE."""
    words = [text_of(item) for item in node.get("args", ())]
    if node.get("name", "").lower() == "timezone":
        catalog.timezone = "".join(words)
    if node.get("name") == "search_path":
        catalog.path = tuple(filter(None, words)) or ("public",)
