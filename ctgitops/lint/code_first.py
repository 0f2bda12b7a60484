"""Decides whether a DROP is safe once code that no longer uses the table or column is deployed.

If it is, lint has nothing to add to the plan, which counts the rows or values that the DROP destroys, lists the code
that still uses them, and names the deploy order. Such a DROP is a notice.
"""

from __future__ import annotations

from ..sql.nodes import Node, columns_in, relation_name, walk
from .catalog import Table
from .rule import Severity
from .rule_input import Case

_COPIES = ("InsertStmt", "UpdateStmt", "MergeStmt", "CreateTableAsStmt")
"""Statements with which a file can copy what it drops to another place, in addition to SELECT INTO."""


def severity(reason: str | None) -> Severity | None:
    """A notice if there is no reason against the DROP; otherwise the rule's own severity."""
    return Severity.NOTICE if reason is None else None


def unsafe_table(case: Case, table: Table) -> str | None:
    """Why no deploy order is safe for DROP TABLE, as the end of a sentence; None if code can be deployed first.

    Empty if the model does not contain the table, so that this is unknown.
    """
    if case.catalog.table(table.name) is None:
        return ""
    copied = _copied(case, table)
    return "its rows are copied in the same file, without those that running code adds later" if copied else None


def unsafe_column(case: Case, table: Table, column: str) -> str | None:
    """Why no deploy order is safe for DROP COLUMN, as the end of a sentence; None if code can be deployed first.

    Empty if the model does not contain the column, so that this is unknown.
    """
    known = table.columns.get(column)
    if known is None:
        return ""
    if any(each.kind == "CONSTR_PRIMARY" and column in each.columns for each in table.constraints.values()):
        return "the primary key is dropped with it"
    relaxed = {*case.transaction.altering("AT_DropNotNull"), *case.transaction.altering("AT_ColumnDefault")}
    domain = case.catalog.domain(known.type)
    given = known.default or known.generated or (domain and domain.default)
    if (known.not_null and not given) or table.name[1] in relaxed:
        return "it is NOT NULL without a default, so an INSERT of code that no longer uses it fails before the drop"
    if _copied(case, table, column):
        return "its values are copied in the same file, without those that running code writes later"
    return None


def _copied(case: Case, table: Table, column: str = "") -> bool:
    """Whether a statement of the file reads the table, and the column if there is one, to write it elsewhere."""
    into = (node for node in case.transaction.of_kind("SelectStmt") if "intoClause" in node)
    return any(_reads(node, table, column) for node in (*case.transaction.of_kind(*_COPIES), *into))


def _reads(node: Node, table: Table, column: str) -> bool:
    named = {relation_name(each)[1] for kind, each in walk(node) if kind == "RangeVar"}
    if column:
        named.add(relation_name(node.get("relation", {}))[1])  # UPDATE t SET new = old
    return table.name[1] in named and (not column or column in columns_in(node))
