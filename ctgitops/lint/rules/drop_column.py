"""Reports DROP COLUMN."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ...sql.nodes import Node
from ..catalog import Table
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Reports columns of a table in use."""
    table = case.altered
    for command in case.parts("AT_DropColumn"):
        if table and not _nothing_there(case, table, command):
            name = f"{called(table)}.{command.get('name', '')}"
            yield Hit(f"{name} and its values are gone; code that still asks for it fails", part=command)


def _nothing_there(case: Case, table: Table, command: Node) -> bool:
    """Whether the statement has IF EXISTS and the column is known not to exist."""
    known = case.catalog.complete and table.known
    return known and bool(command.get("missing_ok")) and command.get("name", "") not in table.columns


RULE = Rule(
    id="drop-column",
    group=Group.DESTRUCTIVE,
    severity=Severity.WARNING,
    kinds=("AlterTableStmt",),
    why="No rollback brings the values back, and code that runs while this is applied may still ask for the column.",
    instead="ship code that does not use it first, and drop it in a later release",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    bad="alter table orders drop column note;",
    good="alter table orders alter column note drop not null;",
)
