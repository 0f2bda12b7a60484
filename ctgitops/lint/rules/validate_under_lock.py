"""Reports VALIDATE CONSTRAINT in a transaction that already holds a strong lock on the table."""

from __future__ import annotations

from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, blocked_by, called


def check(case: Case) -> Hits:
    """Reports VALIDATE CONSTRAINT under a lock. Another action of the same statement may have taken the lock."""
    table = case.altered_with_rows
    if table is None:
        return
    held = LockMode(max(case.transaction.held.get(table.name, 1), case.locks.get(table.name, 1)))
    for command in case.parts("AT_ValidateConstraint") if held >= LockMode.SHARE else ():
        constraint = table.constraints.get(command.get("name", ""))
        if constraint is None or not constraint.valid:
            what = (
                f"{blocked_by(held)} `{called(table)}` while every row is checked, under the lock of an earlier change"
            )
            yield Hit(what, lock=held, part=command)


RULE = Rule(
    id="validate-under-lock",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="VALIDATE CONSTRAINT does not block writes, but the lock of an ADD CONSTRAINT … NOT VALID in the same file is "
    "held until COMMIT. That lock blocks other sessions during the whole validation.",
    instead="move VALIDATE CONSTRAINT to a separate migration",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table orders add constraint amount_positive check (amount > 0) not valid;\n"
    "alter table orders validate constraint amount_positive;",
    good="alter table orders add constraint amount_positive check (amount > 0) not valid;\n-- next file\n"
    "alter table orders validate constraint amount_positive;",
)
