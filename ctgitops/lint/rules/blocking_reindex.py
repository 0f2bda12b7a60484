"""Reports REINDEX without CONCURRENTLY."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sql.nodes import relation_name, switched_on
from ..fixes import concurrently
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called

if TYPE_CHECKING:
    from ..catalog import Table


def check(case: Case) -> Hits:
    """Reports REINDEX of an index, a table, a schema and a database."""
    node = case.node
    if switched_on(node.get("params", []), "concurrently") or node.get("kind") == "REINDEX_OBJECT_SYSTEM":
        return
    if "relation" not in node:
        yield Hit("blocks writes to each table in turn while its indexes are rebuilt")
        return
    name = case.catalog.full(relation_name(node.get("relation", {})))
    index = case.catalog.indexes.get(name)
    table = case.used(index.table if index else name)
    if table and case.has_rows(table) and (index or _indexed(case, table)):
        known = index or node.get("kind") == "REINDEX_OBJECT_TABLE"
        to = f"`{called(table)}`" if known else "its table"
        yield Hit(f"blocks writes to {to}, and reads that use the index, while the index is rebuilt")


def _indexed(case: Case, table: Table) -> bool:
    """Whether the table has an index. If not all columns are known, assumes that it has one."""
    known = case.catalog.complete and table.known and table.kind == "table"
    return not known or case.catalog.indexed(table)


RULE = Rule(
    id="blocking-reindex",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("ReindexStmt",),
    why="REINDEX without CONCURRENTLY holds a SHARE lock on the table, which blocks writes, and an ACCESS EXCLUSIVE "
    "lock on each index while it is rebuilt.",
    instead="use REINDEX … CONCURRENTLY in a separate migration, because it cannot run inside a transaction",
    check=check,
    lock=LockMode.SHARE,
    blocks=True,
    fix=concurrently("TABLE", "INDEX", "SCHEMA"),
    bad="reindex table orders;",
    good="reindex table concurrently orders;",
)
