"""Reports REINDEX or CLUSTER of a partitioned table or index inside a transaction."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ..nodes import relation_name, switched_on
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Only the catalog shows whether a table is partitioned, so the file must declare `no transaction`."""
    node = case.node
    if not case.transaction.whole or switched_on(node.get("params", []), "concurrently") or "relation" not in node:
        return
    name = case.catalog.full(relation_name(node.get("relation", {})))
    index = case.catalog.indexes.get(name)
    table = case.catalog.tables.get(index.table if index else name)
    if table and table.kind == "partitioned":
        what = "CLUSTER" if case.kind == "ClusterStmt" else "REINDEX"
        yield Hit(f"PostgreSQL refuses {what} of a partitioned table inside a transaction: {called(table)} is one")


RULE = Rule(
    id="partitioned-reindex",
    group=Group.TRANSACTION,
    severity=Severity.ERROR,
    kinds=("ReindexStmt", "ClusterStmt"),
    why="REINDEX and CLUSTER of a partitioned table or index take each partition in a transaction of its own, and "
    "cannot run inside one. A file says nothing of what is partitioned, so it runs as one transaction, and fails.",
    instead="a migration of its own with the comment `-- ctgitops: no transaction`",
    check=check,
    given="create table events (id bigint, at date not null) partition by range (at);\n"
    "create index events_id on events (id);",
    bad="reindex index events_id;",
    good="reindex index concurrently events_id;",
)
