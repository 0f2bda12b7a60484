"""Reports VACUUM FULL and CLUSTER."""

from __future__ import annotations

from ...sql.nodes import switched_on
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Reports the statement for one table and for all tables."""
    node = case.node
    if case.kind == "VacuumStmt" and not switched_on(node.get("options", []), "full"):
        return
    relations = [item.get("VacuumRelation", {}).get("relation", {}) for item in node.get("rels", ())]
    relations += [node["relation"]] if "relation" in node else []
    if not relations and _any(case):
        yield Hit("blocks reads and writes on each table in turn while it is rewritten")
    for relation in relations:
        table = case.in_use(relation)
        if table and case.has_rows(table):
            yield Hit(f"blocks reads and writes on `{called(table)}` while it is rewritten")


def _any(case: Case) -> bool:
    """Whether the statement rewrites a table. CLUSTER without a name rewrites the tables that were clustered before."""
    if case.kind == "VacuumStmt" or not case.catalog.complete:
        return True
    before = [case.catalog.tables.get(index.table) for index in case.catalog.indexes.values() if index.clustered]
    return any(table and not table.new and case.has_rows(table) for table in before)


RULE = Rule(
    id="full-rewrite",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("VacuumStmt", "ClusterStmt", "RepackStmt"),
    why="VACUUM FULL and CLUSTER rewrite the whole table and rebuild its indexes under an ACCESS EXCLUSIVE lock.",
    instead="use VACUUM without FULL, which makes the space reusable; pg_repack returns it to the operating system "
    "without blocking reads and writes",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    given="create index orders_customer on orders (customer_id);",
    bad="cluster orders using orders_customer;",
    good="vacuum orders;",
)
