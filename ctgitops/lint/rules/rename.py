"""Reports a renamed table, view or column."""

from __future__ import annotations

from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called

_WHAT = {
    "OBJECT_TABLE": "table",
    "OBJECT_COLUMN": "column",
    "OBJECT_VIEW": "view",
    "OBJECT_MATVIEW": "materialized view",
}


def check(case: Case) -> Hits:
    """Reports a new name or schema of a table, view or column that existed before the plan.

    Skips indexes and constraints, because code does not depend on their names.
    """
    node = case.node
    moved = case.kind == "AlterObjectSchemaStmt"
    what = _WHAT.get(node.get("objectType" if moved else "renameType", ""))
    table = case.in_use(node.get("relation", {})) if what and "relation" in node else None
    if table and what:
        name = f"{called(table)}.{node.get('subname', '')}" if what == "column" else called(table)
        yield Hit(f"breaks running code that uses the {what} `{name}`")


RULE = Rule(
    id="rename",
    group=Group.COMPATIBILITY,
    severity=Severity.WARNING,
    kinds=("RenameStmt", "AlterObjectSchemaStmt"),
    why="Renaming a table, view or column that is in use breaks running code. During a deployment the old and the new "
    "release run at the same time, and each uses only one of the two names.",
    instead="for a column, add a new column and write to both until no code reads the old column; for a table, "
    "create a view with the old name",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    bad="alter table orders rename column note to remark;",
    good="alter table orders add column remark text;",
)
