"""Reports an ATTACH PARTITION that scans the new partition or the default partition."""

from __future__ import annotations

from ...sql.nodes import relation_name
from ..added_columns import target
from ..partition import bound_proved, default_proved
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Reports the scan. Skips a partition whose validated CHECK implies the partition bound."""
    for command in case.parts("AT_AttachPartition") if case.node.get("objtype") == "OBJECT_TABLE" else ():
        part = target(command)
        parent = case.catalog.table(relation_name(case.node.get("relation", {})))
        child = case.in_use(part.get("name", {}))
        bound = part.get("bound", {})
        if child and case.has_rows(child) and not (parent and bound_proved(case.catalog, parent, child, bound)):
            what = (
                f"blocks reads and writes on `{called(child)}` while every row is checked against the partition bound"
            )
            yield Hit(what, part=command)
        default = case.used(parent.default_partition) if parent and parent.default_partition else None
        if parent and default and case.has_rows(default) and not default_proved(parent, default, bound):
            what = f"blocks reads and writes on `{called(default)}` while it is scanned for rows of the new partition"
            yield Hit(what, part=command)


RULE = Rule(
    id="attach-partition",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="ATTACH PARTITION scans the new partition and the default partition, each under an ACCESS EXCLUSIVE lock. "
    "PostgreSQL skips the scan if a validated CHECK constraint implies the partition bound.",
    instead="give the new partition a NOT VALID CHECK constraint that repeats the partition bound and requires the key "
    "to be NOT NULL; VALIDATE it in a separate migration, then ATTACH; give a default partition a CHECK constraint "
    "that excludes the bound",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    given="create table events (at date not null) partition by range (at);\ncreate table events_2026 (at date not "
    "null);",
    bad="alter table events attach partition events_2026 for values from ('2026-01-01') to ('2027-01-01');",
    good="alter table events_2026 add constraint in_2026 check (at >= date '2026-01-01' and at < date '2027-01-01') "
    "not valid;\n-- next file\nalter table events_2026 validate constraint in_2026;\n-- next file\n"
    "alter table events attach partition events_2026 for values from ('2026-01-01') to ('2027-01-01');",
)
