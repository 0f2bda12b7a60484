"""ALTER TABLE that moves a table's rows to another place or form."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.finding import Severity
from ...sql.locks import LockMode
from ..case import Case, called
from ..catalog import Table
from ..rule import Group, Hit, Rule

_PARTS = {
    "AT_SetLogged": "it becomes logged",
    "AT_SetUnLogged": "it becomes unlogged",
    "AT_SetTableSpace": "it goes to another tablespace",
    "AT_SetAccessMethod": "it gets another access method",
    "AT_SetExpression": "a stored column gets another expression",
}


def check(case: Case) -> Iterator[Hit]:
    """A table that is logged already stays as it is."""
    table = case.altered
    if table is None or not case.has_rows(table):
        return
    for command in case.parts(*_PARTS):
        if not _nothing_to_do(table, command.get("subtype", "")):
            what = _PARTS[command["subtype"]]
            yield Hit(f"reads and writes of {called(table)} wait while every row is written anew: {what}")


def _nothing_to_do(table: Table, subtype: str) -> bool:
    if table.kind == "partitioned":
        return True  # only what is attached later follows
    return table.known and subtype == ("AT_SetLogged" if table.logged else "AT_SetUnLogged")


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
