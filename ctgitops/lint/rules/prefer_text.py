"""Reports varchar(n) and char(n), and recommends text with a CHECK constraint."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ..rule import Group, Hit, Rule
from ..rule_input import Case


def check(case: Case) -> Iterator[Hit]:
    """Checks columns of CREATE TABLE and ADD COLUMN."""
    for column in case.written_columns():
        if column.type.name in {"varchar", "bpchar"} and column.type.mods:
            yield Hit(f"{column.name} has a fixed longest length")


RULE = Rule(
    id="prefer-text",
    group=Group.STYLE,
    severity=Severity.OFF,
    kinds=("CreateStmt", "AlterTableStmt"),
    why="A shorter length later writes the whole table anew; a CHECK can be changed without.",
    instead="use text, with a CHECK where the length matters",
    check=check,
    bad="create table notes (body varchar(200));",
    good="create table notes (body text);",
)
