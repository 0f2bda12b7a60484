"""Reports ATTACH PARTITION that scans the new partition or the default partition."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..added_columns import target
from ..nodes import relation_name
from ..partition import bound_proved, default_proved
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Reports the scan, unless a validated CHECK implies the partition bound."""
    for command in case.parts("AT_AttachPartition") if case.node.get("objtype") == "OBJECT_TABLE" else ():
        part = target(command)
        parent = case.catalog.table(relation_name(case.node.get("relation", {})))
        child = case.in_use(part.get("name", {}))
        bound = part.get("bound", {})
        if child and case.has_rows(child) and not (parent and bound_proved(case.catalog, parent, child, bound)):
            yield Hit(f"reads and writes of {called(child)} wait until every row is seen to belong there", part=command)
        default = case.used(parent.default_partition) if parent and parent.default_partition else None
        if parent and default and case.has_rows(default) and not default_proved(parent, default, bound):
            what = f"reads and writes of {called(default)} wait until no row of it is seen to belong elsewhere"
            yield Hit(what, part=command)


RULE = Rule(
    id="attach-partition",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="ATTACH PARTITION reads the whole new partition, and the default partition, under an ACCESS EXCLUSIVE lock on "
    "each. A validated CHECK that says what the bound says spares it that.",
    instead="ADD CONSTRAINT … CHECK (the bound, and IS NOT NULL) NOT VALID, VALIDATE it in a migration of its own, "
    "then ATTACH; on the default partition one that says the contrary",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    given="create table events (at date not null) partition by range (at);\ncreate table events_2026 (at date not "
    "null);",
    bad="alter table events attach partition events_2026 for values from ('2026-01-01') to ('2027-01-01');",
    good="alter table events_2026 add constraint of_2026 check (at >= date '2026-01-01' and at < date '2027-01-01') "
    "not valid;\n-- next file\nalter table events_2026 validate constraint of_2026;\n-- next file\n"
    "alter table events attach partition events_2026 for values from ('2026-01-01') to ('2027-01-01');",
)
