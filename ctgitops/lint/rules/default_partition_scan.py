"""Reports a new partition whose creation scans the default partition."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..nodes import relation_name
from ..partition import default_proved
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """PostgreSQL checks whether rows of the default partition belong to the new one."""
    node = case.node
    if "partbound" not in node or not node.get("inhRelations"):
        return
    parent = case.in_use(node["inhRelations"][0].get("RangeVar", {}))
    default = case.used(parent.default_partition) if parent and parent.default_partition else None
    exists = node.get("if_not_exists") and case.catalog.table(relation_name(node.get("relation", {})))
    if parent is None or default is None or not case.has_rows(default) or exists:
        return
    if not default_proved(parent, default, node["partbound"]):
        yield Hit(f"reads and writes of {called(default)} wait until no row of it is seen to belong to the new one")


RULE = Rule(
    id="default-partition-scan",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("CreateStmt",),
    why="CREATE TABLE … PARTITION OF reads the whole default partition under an ACCESS EXCLUSIVE lock, to see that "
    "none of its rows belongs to the new one.",
    instead="have no default partition, or prove it first by a CHECK on it that is validated while writes go on",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    given="create table events (at date not null) partition by range (at);\n"
    "create table events_rest partition of events default;",
    bad="create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');",
    good="create table events_2026 (at date not null);",
)
