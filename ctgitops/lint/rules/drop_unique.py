"""Reports a dropped unique constraint or index, which INSERT … ON CONFLICT in running code may need."""

from __future__ import annotations

from ..arbiters import dropped_uniques
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Skips a constraint or index if another one on the same columns remains."""
    for dropped in dropped_uniques(case):
        table, columns = called(dropped.table), dropped.columns
        what = f"allows duplicates in `{table}`, and breaks any INSERT … ON CONFLICT ({columns}) of running code"
        yield Hit(what, part=dropped.part)


RULE = Rule(
    id="drop-unique",
    group=Group.COMPATIBILITY,
    severity=Severity.OFF,
    kinds=("AlterTableStmt", "DropStmt"),
    why="INSERT … ON CONFLICT fails without a unique constraint or index on the columns that it names. Lint reads the "
    "functions of the schema (`drop-conflict-target`), not the SQL in application code, which this rule asks about.",
    instead="search the code for ON CONFLICT on these columns, and deploy code without it first",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    given="alter table orders add constraint orders_number unique (number);",
    bad="alter table orders drop constraint orders_number;",
    good="create unique index concurrently orders_by_number on orders (number);\n-- next file\n"
    "alter table orders drop constraint orders_number;",
)
