"""Reports a dropped unique constraint or index, which INSERT … ON CONFLICT in running code may need."""

from __future__ import annotations

from ...sql.name_changes import ConflictTarget
from ..arbiters import dropped_uniques
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Skips a constraint or index if another constraint or index on the same columns remains."""
    for dropped in dropped_uniques(case):
        table, columns = called(dropped.table), dropped.columns
        what = f"allows duplicates in `{table}`, and breaks an INSERT … ON CONFLICT ({columns}) of running code"
        target = ConflictTarget(dropped.table.name[1], dropped.name, dropped.index.keys)
        yield Hit(what, conflict_target=target, part=dropped.part)


RULE = Rule(
    id="drop-unique",
    group=Group.COMPATIBILITY,
    severity=Severity.NOTICE,
    kinds=("AlterTableStmt", "DropStmt"),
    why="INSERT … ON CONFLICT fails without a unique constraint or index on the columns that it names. A plan "
    "searches the code of the repository for such statements, and warns about each. The rule `drop-conflict-target` "
    "reports functions.",
    instead="deploy code without ON CONFLICT on these columns first",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    given="alter table orders add constraint orders_number unique (number);",
    bad="alter table orders drop constraint orders_number;",
    good="create unique index concurrently orders_by_number on orders (number);\n-- next file\n"
    "alter table orders drop constraint orders_number;",
)
