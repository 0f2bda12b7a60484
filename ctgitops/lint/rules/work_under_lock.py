"""Reports UPDATE, DELETE or MERGE while the lock of an earlier statement blocks others from the table."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Reports changes to rows of a table that the same transaction has already locked."""
    table = case.in_use(case.node.get("relation", {}))
    held = case.transaction.held.get(table.name, LockMode.ACCESS_SHARE) if table else LockMode.ACCESS_SHARE
    if table and held >= LockMode.SHARE:
        who = "reads and writes" if held is LockMode.ACCESS_EXCLUSIVE else "writes"
        yield Hit(
            f"{who} of {called(table)} wait for it: an earlier change in this file still holds its lock", lock=held
        )


RULE = Rule(
    id="work-under-lock",
    group=Group.LOCKS,
    severity=Severity.WARNING,
    kinds=("UpdateStmt", "DeleteStmt", "MergeStmt"),
    why="ALTER TABLE is over in a moment, but its lock is held until the transaction ends. An UPDATE or DELETE "
    "after it in the same file makes everybody wait for all of its rows.",
    instead="put it into a migration of its own, in batches where there are many rows",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    bad="alter table orders add column region text;\nupdate orders set region = 'north' where customer_id = 1;",
    good="alter table orders add column region text;\n-- next file\n"
    "update orders set region = 'north' where customer_id = 1;",
)
