"""Reports VACUUM FULL and CLUSTER."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..nodes import switched_on
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Reports the statement for one table and for all tables."""
    node = case.node
    if case.kind == "VacuumStmt" and not switched_on(node.get("options", []), "full"):
        return
    relations = [item.get("VacuumRelation", {}).get("relation", {}) for item in node.get("rels", ())]
    relations += [node["relation"]] if "relation" in node else []
    if not relations and _any(case):
        yield Hit("reads and writes of each table in turn wait while all its rows are written anew")
    for relation in relations:
        table = case.in_use(relation)
        if table and case.has_rows(table):
            yield Hit(f"reads and writes of {called(table)} wait while all its rows are written anew")


def _any(case: Case) -> bool:
    """Whether a table is affected: CLUSTER without a table processes only those clustered before."""
    if case.kind == "VacuumStmt" or not case.catalog.complete:
        return True
    before = [case.catalog.tables.get(index.table) for index in case.catalog.indexes.values() if index.clustered]
    return any(table and not table.new and case.has_rows(table) for table in before)


RULE = Rule(
    id="full-rewrite",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("VacuumStmt", "ClusterStmt", "RepackStmt"),
    why="VACUUM FULL and CLUSTER copy the whole table and build its indexes under an ACCESS EXCLUSIVE lock.",
    instead="VACUUM without FULL lets the space be used again; pg_repack gives it back while reads and writes go on",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    given="create index orders_customer on orders (customer_id);",
    bad="cluster orders using orders_customer;",
    good="vacuum orders;",
)
