"""Reports DROP COLUMN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..code_first import severity, unsafe_column
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called

if TYPE_CHECKING:
    from ...sql.nodes import Node
    from ..catalog import Table


def check(case: Case) -> Hits:
    """Reports columns of a table in use."""
    table = case.altered
    for command in case.parts("AT_DropColumn"):
        if table and not _missing(case, table, command):
            name = command.get("name", "")
            reason = unsafe_column(case, table, name)
            what = f"drops `{called(table)}.{name}` with all its values, and breaks code that still uses it"
            yield Hit(f"{what}; {reason}" if reason else what, severity=severity(reason), part=command)


def _missing(case: Case, table: Table, command: Node) -> bool:
    """Whether the statement has IF EXISTS and the column certainly does not exist."""
    known = case.catalog.complete and table.known
    return known and bool(command.get("missing_ok")) and command.get("name", "") not in table.columns


RULE = Rule(
    id="drop-column",
    group=Group.DESTRUCTIVE,
    severity=Severity.WARNING,
    kinds=("AlterTableStmt",),
    why="Dropping a column is irreversible: a rollback cannot restore its values. Queries of running code that still "
    "use the column fail. The finding is only a notice if new code can be deployed first: the plan then counts the "
    "lost values and finds code that uses the column. It is a warning if no deploy order is safe, or if lint does not "
    "know the column.",
    instead="deploy code that no longer uses the column, then drop it in a later release",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    bad="alter table orders drop column note;",
    good="alter table orders alter column note drop not null;",
)
