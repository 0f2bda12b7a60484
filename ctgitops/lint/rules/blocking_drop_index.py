"""Reports DROP INDEX without CONCURRENTLY."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ...sql.nodes import dropped_names
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Reports indexes of a table in use; the drop is instant once it has its lock."""
    node = case.node
    if node.get("removeType") != "OBJECT_INDEX" or node.get("concurrent"):
        return
    for parts in dropped_names(node):
        name = case.catalog.full((parts[-2] if len(parts) > 1 else "", parts[-1] if parts else ""))
        index = case.catalog.indexes.get(name)
        table = case.used(index.table) if index else None
        if table or (index is None and not case.catalog.complete):
            yield Hit(f"reads and writes of {called(table) if table else 'its table'} wait until this is committed")


RULE = Rule(
    id="blocking-drop-index",
    group=Group.LOCKS,
    severity=Severity.OFF,
    kinds=("DropStmt",),
    why="DROP INDEX takes an ACCESS EXCLUSIVE lock on the table and holds it until the transaction ends. It is "
    "instant, as ADD COLUMN is, but it waits for every query that runs. An apply gives up after `timeouts.lock` and "
    "tries again, so that nobody waits behind it for long; a runner without that makes them.",
    instead="DROP INDEX CONCURRENTLY, in a migration of its own: it cannot run inside a transaction",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    given="create index orders_customer on orders (customer_id);",
    bad="drop index orders_customer;",
    good="drop index concurrently orders_customer;",
)
