"""Reports a new partition whose creation scans the default partition."""

from __future__ import annotations

from ...sql.nodes import relation_name
from ..partition import default_proved
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Skips a default partition whose validated CHECK excludes all rows of the new partition."""
    node = case.node
    if "partbound" not in node or not node.get("inhRelations"):
        return
    parent = case.in_use(node["inhRelations"][0].get("RangeVar", {}))
    default = case.used(parent.default_partition) if parent and parent.default_partition else None
    exists = node.get("if_not_exists") and case.catalog.table(relation_name(node.get("relation", {})))
    if parent is None or default is None or not case.has_rows(default) or exists:
        return
    if not default_proved(parent, default, node["partbound"]):
        yield Hit(f"blocks reads and writes on `{called(default)}` while it is scanned for rows of the new partition")


RULE = Rule(
    id="default-partition-scan",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("CreateStmt",),
    why="CREATE TABLE … PARTITION OF scans the default partition under an ACCESS EXCLUSIVE lock, to check that none of "
    "its rows belongs to the new partition.",
    instead="remove the default partition, or first give it a CHECK constraint that excludes the new bound: add it "
    "as NOT VALID, then VALIDATE it, which does not block writes",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    given="create table events (at date not null) partition by range (at);\n"
    "create table events_default partition of events default;",
    bad="create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');",
    good="create table events_2026 (at date not null);",
)
