"""Applies statements to lint's model of the schema: one module for each kind of statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import access, alter, create, drop, rename

if TYPE_CHECKING:
    from ...sql.nodes import Node
    from ..catalog import Catalog

_FOLDS = {
    "CreateStmt": create.table,
    "CreateForeignTableStmt": create.foreign_table,
    "CreateTableAsStmt": create.table_as,
    "SelectStmt": create.selected,
    "ViewStmt": create.view,
    "CreatePolicyStmt": access.policy,
    "AlterPolicyStmt": access.altered_policy,
    "CreateRoleStmt": access.role,
    "GrantStmt": access.grant,
    "AlterDefaultPrivilegesStmt": access.default_privileges,
    "IndexStmt": create.index,
    "CreateDomainStmt": create.domain,
    "CreateFunctionStmt": create.function,
    "AlterTableStmt": alter.table,
    "ClusterStmt": alter.cluster,
    "AlterDomainStmt": alter.domain,
    "AlterFunctionStmt": alter.function,
    "RenameStmt": rename.rename,
    "AlterObjectSchemaStmt": rename.move,
    "VariableSetStmt": alter.setting,
    "DropStmt": drop.drop,
}


def apply(catalog: Catalog, kind: str, node: Node) -> None:
    """Applies a statement's schema change to the catalog. Ignores kinds of statements that are not modelled."""
    if fold := _FOLDS.get(kind):
        fold(catalog, node)
