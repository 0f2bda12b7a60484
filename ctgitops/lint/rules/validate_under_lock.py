"""Reports VALIDATE CONSTRAINT in a transaction that already holds a strong lock on the table."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """The lock may come from another action of the same statement."""
    table = case.altered
    if table is None or not case.has_rows(table):
        return
    held = max(case.transaction.held.get(table.name, LockMode.ACCESS_SHARE), case.locks.get(table.name, 0))
    if held < LockMode.SHARE:
        return
    for command in case.parts("AT_ValidateConstraint"):
        constraint = table.constraints.get(command.get("name", ""))
        if constraint is None or not constraint.valid:
            what = f"writes to {called(table)} wait until every row is checked: an earlier change still holds its lock"
            yield Hit(what, lock=LockMode(held), part=command)


RULE = Rule(
    id="validate-under-lock",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="VALIDATE CONSTRAINT lets writes go on, but a lock is held until the transaction ends: one that ADD CONSTRAINT "
    "… NOT VALID took in the same file makes everybody wait for the validation too.",
    instead="put VALIDATE CONSTRAINT into a migration of its own",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table orders add constraint amount_positive check (amount > 0) not valid;\n"
    "alter table orders validate constraint amount_positive;",
    good="alter table orders add constraint amount_positive check (amount > 0) not valid;\n-- next file\n"
    "alter table orders validate constraint amount_positive;",
)
