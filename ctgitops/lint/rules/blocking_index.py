"""Reports CREATE INDEX without CONCURRENTLY on a table in use."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Reports a partitioned table too, but not ON ONLY, which builds nothing."""
    node = case.node
    table = case.in_use(node.get("relation", {}))
    if node.get("concurrent") or table is None or not case.has_rows(table):
        return
    if (node.get("if_not_exists") or case.in_body) and (table.name[0], node.get("idxname", "")) in case.catalog.indexes:
        return
    if table.kind == "partitioned":
        if node.get("relation", {}).get("inh"):
            instead = (
                f"CREATE INDEX … ON ONLY {called(table)}, then CREATE INDEX CONCURRENTLY on each partition, and "
                "ALTER INDEX … ATTACH PARTITION"
            )
            yield Hit(f"writes to {called(table)} and its partitions wait until their indexes are built", instead)
        return
    yield Hit(f"writes to {called(table)} wait until this index is built")


RULE = Rule(
    id="blocking-index",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("IndexStmt",),
    why="CREATE INDEX holds a SHARE lock on its table until the transaction ends. Reads go on; every INSERT, UPDATE "
    "and DELETE waits until the whole table is read and sorted.",
    instead="CREATE INDEX CONCURRENTLY, in a migration of its own: it cannot run inside a transaction",
    check=check,
    lock=LockMode.SHARE,
    blocks=True,
    bad="create index orders_customer on orders (customer_id);",
    good="create index concurrently orders_customer on orders (customer_id);",
)
