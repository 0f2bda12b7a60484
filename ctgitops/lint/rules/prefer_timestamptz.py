"""Reports timestamp without time zone, and recommends timestamptz."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ..rule import Group, Hit, Rule
from ..rule_input import Case


def check(case: Case) -> Iterator[Hit]:
    """Checks columns of CREATE TABLE and ADD COLUMN."""
    for column in case.written_columns():
        if column.type.name == "timestamp":
            yield Hit(f"{column.name} does not say which zone it is in")


RULE = Rule(
    id="prefer-timestamptz",
    group=Group.STYLE,
    severity=Severity.OFF,
    kinds=("CreateStmt", "AlterTableStmt"),
    why="The same value means another moment for each session's TimeZone.",
    instead="use timestamptz",
    check=check,
    bad="create table notes (at timestamp);",
    good="create table notes (at timestamptz);",
)
