"""Reports DROP INDEX without CONCURRENTLY."""

from __future__ import annotations

from ...sql.nodes import dropped_names, qualified
from ..fixes import concurrently
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Reports indexes of a table in use. The drop itself takes no time, but it must wait for a lock."""
    node = case.node
    if node.get("removeType") != "OBJECT_INDEX" or node.get("concurrent"):
        return
    for parts in dropped_names(node):
        index = case.catalog.indexes.get(case.catalog.full(qualified(parts)))
        table = case.used(index.table) if index else None
        if table or (index is None and not case.catalog.complete):
            yield Hit(f"blocks reads and writes on {f'`{called(table)}`' if table else 'its table'} until COMMIT")


RULE = Rule(
    id="blocking-drop-index",
    group=Group.LOCKS,
    severity=Severity.OFF,
    kinds=("DropStmt",),
    why="DROP INDEX without CONCURRENTLY holds an ACCESS EXCLUSIVE lock on the table until COMMIT. The drop itself is "
    "instant, but the lock request waits for all running queries, and blocks new queries while it waits. `apply` "
    "limits this wait to `timeouts.lock` and then retries.",
    instead="use DROP INDEX CONCURRENTLY in a separate migration, because it cannot run inside a transaction",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    fix=concurrently("INDEX"),
    given="create index orders_customer on orders (customer_id);",
    bad="drop index orders_customer;",
    good="drop index concurrently orders_customer;",
)
