"""Reports REINDEX without CONCURRENTLY."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..catalog import Table
from ..nodes import relation_name, switched_on
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Reports REINDEX of an index, a table, a schema and a database."""
    node = case.node
    if switched_on(node.get("params", []), "concurrently") or node.get("kind") == "REINDEX_OBJECT_SYSTEM":
        return
    if "relation" not in node:
        yield Hit("writes wait while all indexes of each table in turn are built anew")
        return
    name = case.catalog.full(relation_name(node.get("relation", {})))
    index = case.catalog.indexes.get(name)
    table = case.used(index.table if index else name)
    if table and case.has_rows(table) and (index or _indexed(case, table)):
        what = (
            f"writes to {called(table)}"
            if index or node.get("kind") == "REINDEX_OBJECT_TABLE"
            else "writes to its table"
        )
        yield Hit(f"{what} wait while the index is built anew, and so do reads that would use it")


def _indexed(case: Case, table: Table) -> bool:
    """Whether the table has an index; assumed if its columns are not all known."""
    known = case.catalog.complete and table.known and table.kind == "table"
    return not known or case.catalog.indexed(table)


RULE = Rule(
    id="blocking-reindex",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("ReindexStmt",),
    why="REINDEX holds a SHARE lock on the table and an ACCESS EXCLUSIVE lock on each index until it is built anew.",
    instead="REINDEX … CONCURRENTLY, in a migration of its own: it cannot run inside a transaction",
    check=check,
    lock=LockMode.SHARE,
    blocks=True,
    bad="reindex table orders;",
    good="reindex table concurrently orders;",
)
