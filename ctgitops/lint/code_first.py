"""Decides whether a DROP is safe after the deployment of code that no longer uses the table or column.

A finding about a safe DROP is only a notice. The plan itself counts the destroyed rows or values, lists the code that
still uses the name, and shows the deploy order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..sql.nodes import Node, columns_in, relation_name, walk
from .rule import Severity

if TYPE_CHECKING:
    from .catalog import Table
    from .rule_input import Case

_COPIES = ("InsertStmt", "UpdateStmt", "MergeStmt", "CreateTableAsStmt")
"""Statements, besides SELECT INTO, with which a file can copy the dropped data to another place."""


def severity(reason: str | None) -> Severity | None:
    """The severity of a finding about a DROP: notice if the DROP is safe, None for the rule's own severity."""
    return Severity.NOTICE if reason is None else None


def unsafe_table(case: Case, table: Table) -> str | None:
    """Why DROP TABLE is unsafe even after the deployment of code, as a clause. None if it is safe.

    Empty if this is unknown, because the model does not contain the table.
    """
    if case.catalog.table(table.name) is None:
        return ""
    copied = _copied(case, table)
    return "the same file copies the rows, but not rows that running code adds later" if copied else None


def unsafe_column(case: Case, table: Table, column: str) -> str | None:
    """Why DROP COLUMN is unsafe even after the deployment of code, as a clause. None if it is safe.

    Empty if this is unknown, because the model does not contain the column.
    """
    known = table.columns.get(column)
    if known is None:
        return ""
    if any(each.kind == "CONSTR_PRIMARY" and column in each.columns for each in table.constraints.values()):
        return "the primary key is dropped with the column"
    relaxed = {*case.transaction.altering("AT_DropNotNull"), *case.transaction.altering("AT_ColumnDefault")}
    domain = case.catalog.domain(known.type)
    given = known.default or known.generated or (domain and domain.default)
    if (known.not_null and not given) or table.name[1] in relaxed:
        return "the column is NOT NULL without a default, so an INSERT that omits the column fails before the drop"
    if _copied(case, table, column):
        return "the same file copies the values, but not values that running code writes later"
    return None


def _copied(case: Case, table: Table, column: str = "") -> bool:
    """Whether a statement of the file copies rows of the table, or values of the column, to another place."""
    into = (node for node in case.transaction.of_kind("SelectStmt") if "intoClause" in node)
    return any(_reads(node, table, column) for node in (*case.transaction.of_kind(*_COPIES), *into))


def _reads(node: Node, table: Table, column: str) -> bool:
    named = {relation_name(each)[1] for kind, each in walk(node) if kind == "RangeVar"}
    if column:
        named.add(relation_name(node.get("relation", {}))[1])  # UPDATE t SET new = old
    return table.name[1] in named and (not column or column in columns_in(node))
