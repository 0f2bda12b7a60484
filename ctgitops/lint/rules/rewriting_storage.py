"""Reports ALTER TABLE that rewrites the table to change its storage."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ...sql.nodes import Node
from ..catalog import Table
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called

_PARTS = {
    "AT_SetLogged": "it becomes logged",
    "AT_SetUnLogged": "it becomes unlogged",
    "AT_SetTableSpace": "it goes to another tablespace",
    "AT_SetAccessMethod": "it gets another access method",
    "AT_SetExpression": "a stored column gets another expression",
}


def check(case: Case) -> Iterator[Hit]:
    """SET LOGGED does nothing for a table that is already logged."""
    table = case.altered
    if table is None or not case.has_rows(table):
        return
    for command in case.parts(*_PARTS):
        if not _nothing_to_do(table, command):
            what = _PARTS[command["subtype"]]
            yield Hit(f"reads and writes of {called(table)} wait while every row is written anew: {what}", part=command)


def _nothing_to_do(table: Table, command: Node) -> bool:
    if table.kind == "partitioned":
        return True  # applies only to partitions attached later
    match command.get("subtype"):
        case "AT_SetLogged":
            already = table.logged
        case "AT_SetUnLogged":
            already = not table.logged
        case "AT_SetAccessMethod":
            already = command.get("name", "heap") == table.storage[0]
        case "AT_SetTableSpace":
            already = command.get("name", "").replace("pg_default", "") == table.storage[1]
        case _:
            already = False
    return table.known and already


RULE = Rule(
    id="rewriting-storage",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="SET LOGGED, SET UNLOGGED, SET TABLESPACE, SET ACCESS METHOD and SET EXPRESSION write the table anew under an "
    "ACCESS EXCLUSIVE lock.",
    instead="do it in a maintenance window, or copy to a new table in batches and swap the names",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table orders set unlogged;",
    good="alter table orders set (fillfactor = 80);",
)
