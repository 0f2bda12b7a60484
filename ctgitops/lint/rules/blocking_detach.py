"""Reports DETACH PARTITION without CONCURRENTLY."""

from __future__ import annotations

from ...sql.nodes import relation_name
from ..added_columns import target
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Skips FINALIZE, and skips tables with a default partition, because PostgreSQL then rejects CONCURRENTLY.

    On PostgreSQL 15.18, the statement takes ACCESS EXCLUSIVE on the partitioned table, the partition and its default
    partition. The statement also locks every table with a foreign key to the partitioned table in this mode.
    """
    table = case.altered
    for command in case.parts("AT_DetachPartition") if table and table.default_partition is None else ():
        part = target(command)
        partition = case.in_use(part.get("name", {}))
        if table and partition and not part.get("concurrent"):
            name = called(case.catalog.table(relation_name(part.get("name", {}))) or partition)
            yield Hit(
                f"blocks reads and writes on `{called(table)}`, and on its partition `{name}`, until COMMIT",
                part=command,
            )


RULE = Rule(
    id="blocking-detach",
    group=Group.LOCKS,
    severity=Severity.WARNING,
    kinds=("AlterTableStmt",),
    why="DETACH PARTITION without CONCURRENTLY holds an ACCESS EXCLUSIVE lock on the partitioned table, on the "
    "partition and on tables that reference it, until COMMIT. The lock request waits for all running queries on all "
    "partitions, and blocks new queries while it waits.",
    instead="use DETACH PARTITION … CONCURRENTLY in a separate migration, because it cannot run inside a transaction",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    given="create table events (at date not null) partition by range (at);\n"
    "create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');",
    bad="alter table events detach partition events_2025;",
    good="alter table events detach partition events_2025 concurrently;",
)
