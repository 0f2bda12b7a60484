"""Reports UPDATE, DELETE or MERGE while the lock of an earlier statement blocks others from the table."""

from __future__ import annotations

from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, blocked_by, called


def check(case: Case) -> Hits:
    """Reports changes to rows of a table that the same transaction has already locked."""
    table = case.in_use(case.node.get("relation", {}))
    held = case.transaction.held.get(table.name, LockMode.ACCESS_SHARE) if table else LockMode.ACCESS_SHARE
    if table and held >= LockMode.SHARE:
        yield Hit(f"{blocked_by(held)} `{called(table)}` while it runs, under the lock of an earlier change", lock=held)


RULE = Rule(
    id="work-under-lock",
    group=Group.LOCKS,
    severity=Severity.WARNING,
    kinds=("UpdateStmt", "DeleteStmt", "MergeStmt"),
    why="An UPDATE, DELETE or MERGE after ALTER TABLE in the same file runs under its lock. ALTER TABLE itself is "
    "often instant, but its lock is held until COMMIT and blocks other sessions meanwhile.",
    instead="move it to a separate migration, in batches if it affects many rows",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    bad="alter table orders add column region text;\nupdate orders set region = 'north' where customer_id = 1;",
    good="alter table orders add column region text;\n-- next file\n"
    "update orders set region = 'north' where customer_id = 1;",
)
