"""Reports an ALTER TABLE that rewrites the table to change its storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called

if TYPE_CHECKING:
    from ...sql.nodes import Node
    from ..catalog import Table

_PARTS = {
    "AT_SetLogged": "SET LOGGED",
    "AT_SetUnLogged": "SET UNLOGGED",
    "AT_SetTableSpace": "SET TABLESPACE",
    "AT_SetAccessMethod": "SET ACCESS METHOD",
    "AT_SetExpression": "SET EXPRESSION of a stored generated column",
}


def check(case: Case) -> Hits:
    """Skips an action that changes nothing, such as SET LOGGED on a logged table."""
    table = case.altered_with_rows
    for command in case.parts(*_PARTS) if table else ():
        if table and not _unchanged(table, command):
            what = f"blocks reads and writes on `{called(table)}` while it is rewritten by {_PARTS[command['subtype']]}"
            yield Hit(what, part=command)


def _unchanged(table: Table, command: Node) -> bool:
    if table.kind == "partitioned":
        return True  # the new setting applies only to partitions created later
    match command.get("subtype"):
        case "AT_SetLogged":
            already = table.logged
        case "AT_SetUnLogged":
            already = not table.logged
        case "AT_SetAccessMethod":
            already = command.get("name", "heap") == table.storage[0]
        case "AT_SetTableSpace":
            already = command.get("name", "").replace("pg_default", "") == table.storage[1]
        case "AT_SetExpression":
            column = table.columns.get(command.get("name", ""))
            return column is not None and column.generated == "virtual"
        case _:
            already = False
    return table.known and already


RULE = Rule(
    id="rewriting-storage",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="SET LOGGED, SET UNLOGGED, SET TABLESPACE, SET ACCESS METHOD and SET EXPRESSION rewrite the whole table under "
    "an ACCESS EXCLUSIVE lock.",
    instead="run the statement in a maintenance window, or copy the rows to a new table in batches and swap the names",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table orders set unlogged;",
    good="alter table orders set (fillfactor = 80);",
)
