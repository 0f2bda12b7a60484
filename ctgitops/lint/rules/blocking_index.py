"""Reports CREATE INDEX without CONCURRENTLY on a table in use."""

from __future__ import annotations

from ..fixes import build_concurrently
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Reports partitioned tables too. Skips CREATE INDEX ON ONLY, which indexes no rows."""
    node = case.node
    table = case.in_use(node.get("relation", {}))
    if node.get("concurrent") or table is None or not case.has_rows(table):
        return
    if (node.get("if_not_exists") or case.in_body) and (table.name[0], node.get("idxname", "")) in case.catalog.indexes:
        return
    if table.kind != "partitioned":
        yield Hit(f"blocks writes to `{called(table)}` while the index is built")
    elif node.get("relation", {}).get("inh"):
        instead = (
            f"use CREATE INDEX … ON ONLY `{called(table)}`, then CREATE INDEX CONCURRENTLY on each partition, then "
            "ALTER INDEX … ATTACH PARTITION"
        )
        yield Hit(f"blocks writes to `{called(table)}` and its partitions while their indexes are built", instead)


RULE = Rule(
    id="blocking-index",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("IndexStmt",),
    why="CREATE INDEX without CONCURRENTLY holds a SHARE lock on the table until COMMIT. Reads continue, but every "
    "INSERT, UPDATE and DELETE is blocked while the whole table is scanned and sorted.",
    instead="use CREATE INDEX CONCURRENTLY in a separate migration, because it cannot run inside a transaction",
    check=check,
    lock=LockMode.SHARE,
    blocks=True,
    fix=build_concurrently,
    bad="create index orders_customer on orders (customer_id);",
    good="create index concurrently orders_customer on orders (customer_id);",
)
