"""Reports REINDEX or CLUSTER of a partitioned table or index inside a transaction."""

from __future__ import annotations

from ...sql.nodes import relation_name, switched_on
from ..rule import Case, Group, Hit, Hits, Rule, Severity, called


def check(case: Case) -> Hits:
    """Requires `no transaction` in the file, because only the catalog shows whether a table is partitioned."""
    node = case.node
    if not case.transaction.whole or switched_on(node.get("params", []), "concurrently") or "relation" not in node:
        return
    name = case.catalog.full(relation_name(node.get("relation", {})))
    index = case.catalog.indexes.get(name)
    table = case.catalog.tables.get(index.table if index else name)
    if table and table.kind == "partitioned":
        what = "CLUSTER" if case.kind == "ClusterStmt" else "REINDEX"
        yield Hit(f"fails: {what} of the partitioned table `{called(table)}` cannot run inside a transaction")


RULE = Rule(
    id="partitioned-reindex",
    group=Group.TRANSACTION,
    severity=Severity.ERROR,
    kinds=("ReindexStmt", "ClusterStmt"),
    why="REINDEX and CLUSTER of a partitioned table or index cannot run inside a transaction, because they process "
    "each partition in a separate transaction. The file does not show that the table is partitioned, so `apply` would "
    "run the statement in a transaction, and the statement would fail.",
    instead="move the statement to a separate migration with the comment `-- ctgitops: no transaction`",
    check=check,
    given="create table events (id bigint, at date not null) partition by range (at);\n"
    "create index events_id on events (id);",
    bad="reindex index events_id;",
    good="reindex index concurrently events_id;",
)
