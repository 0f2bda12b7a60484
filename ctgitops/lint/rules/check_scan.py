"""Reports a CHECK constraint that is validated while reads and writes are blocked."""

from __future__ import annotations

from ..fixes import not_valid
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Also reports the CHECK of a new column, even if all values of the column are null."""
    for table, node, added in case.added_constraints("CONSTR_CHECK"):
        merges = added is None and case.catalog.complete and node.get("conname") in table.constraints
        if node.get("skip_validation") or merges:
            continue
        alone = "add the column without the CHECK, then ADD CONSTRAINT … NOT VALID, then VALIDATE"
        instead = "" if added is None else alone
        what = f"blocks reads and writes on `{called(table)}` while every row is checked"
        yield Hit(what, instead, part=added.definition if added else node)


RULE = Rule(
    id="check-scan",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="Adding a CHECK constraint scans the whole table under an ACCESS EXCLUSIVE lock. With NOT VALID there is no "
    "scan, and the constraint applies to new rows; VALIDATE CONSTRAINT then checks existing rows without blocking "
    "reads or writes.",
    instead="use ADD CONSTRAINT … CHECK (…) NOT VALID, then VALIDATE CONSTRAINT in a separate migration",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    fix=not_valid,
    bad="alter table orders add constraint amount_positive check (amount > 0);",
    good="alter table orders add constraint amount_positive check (amount > 0) not valid;\n-- next file\n"
    "alter table orders validate constraint amount_positive;",
)
