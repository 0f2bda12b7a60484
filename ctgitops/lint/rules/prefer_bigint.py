"""Reports a primary key of type integer or smallint, and recommends bigint."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ..rule import Group, Hit, Rule
from ..rule_input import Case


def check(case: Case) -> Iterator[Hit]:
    """Checks columns of CREATE TABLE and ADD COLUMN."""
    for column in case.written_columns():
        if column.type.name in {"int2", "int4"} and any(column.of("CONSTR_PRIMARY")):
            yield Hit(f"{column.name} ends at 2,147,483,647")


RULE = Rule(
    id="prefer-bigint",
    group=Group.STYLE,
    severity=Severity.OFF,
    kinds=("CreateStmt", "AlterTableStmt"),
    why="A key that runs out stops every insert, and to widen it writes the whole table anew.",
    instead="make it bigint",
    check=check,
    bad="create table notes (id integer primary key);",
    good="create table notes (id bigint primary key);",
)
