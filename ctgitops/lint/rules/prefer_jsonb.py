"""Reports json, and recommends jsonb."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ..rule import Group, Hit, Rule
from ..rule_input import Case


def check(case: Case) -> Iterator[Hit]:
    """Checks columns of CREATE TABLE and ADD COLUMN."""
    for column in case.written_columns():
        if column.type.name == "json":
            yield Hit(f"{column.name} is json, which has no equality: DISTINCT, GROUP BY and UNION fail")


RULE = Rule(
    id="prefer-jsonb",
    group=Group.STYLE,
    severity=Severity.OFF,
    kinds=("CreateStmt", "AlterTableStmt"),
    why="jsonb can be compared and indexed.",
    instead="use jsonb",
    check=check,
    bad="create table notes (body json);",
    good="create table notes (body jsonb);",
)
