"""Reports a renamed table, view or column."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called

_WHAT = {
    "OBJECT_TABLE": "table",
    "OBJECT_COLUMN": "column",
    "OBJECT_VIEW": "view",
    "OBJECT_MATVIEW": "materialized view",
}


def check(case: Case) -> Iterator[Hit]:
    """Reports tables, views and columns in use; code does not depend on names of indexes and constraints."""
    node = case.node
    moved = case.kind == "AlterObjectSchemaStmt"
    what = _WHAT.get(node.get("objectType" if moved else "renameType", ""))
    table = case.in_use(node.get("relation", {})) if what and "relation" in node else None
    if table and what:
        name = f"{called(table)}.{node.get('subname', '')}" if what == "column" else called(table)
        yield Hit(f"code that asks for the {what} {name} fails from this moment on")


RULE = Rule(
    id="rename",
    group=Group.COMPATIBILITY,
    severity=Severity.WARNING,
    kinds=("RenameStmt", "AlterObjectSchemaStmt"),
    why="Code of the old release and of the new one run at the same time for a while, and one of them knows only "
    "one of the two names.",
    instead="add the new column and write to both until no code reads the old one; for a table, leave a view of "
    "the old name",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    bad="alter table orders rename column note to remark;",
    good="alter table orders add column remark text;",
)
