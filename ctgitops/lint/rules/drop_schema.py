"""Reports DROP SCHEMA and DROP DATABASE."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.nodes import dropped_names
from ..rule import Group, Hit, Rule
from ..rule_input import Case


def check(case: Case) -> Iterator[Hit]:
    """The statement drops all objects in the schema or database."""
    if case.kind == "DropdbStmt":
        yield Hit(f"the database {case.node.get('dbname', '')} and everything in it is gone")
    elif case.node.get("removeType") == "OBJECT_SCHEMA":
        for parts in dropped_names(case.node):
            inside = [table for table in case.catalog.tables.values() if table.name[0] == parts[-1]]
            if not case.catalog.complete or any(not table.new for table in inside):
                yield Hit(f"the schema {parts[-1]} and everything in it is gone")


RULE = Rule(
    id="drop-schema",
    group=Group.DESTRUCTIVE,
    severity=Severity.ERROR,
    kinds=("DropStmt", "DropdbStmt"),
    why="All tables in it go with it, and no rollback brings their rows back.",
    instead="drop what is in it one by one, so that each is seen",
    check=check,
    given="create schema old;\ncreate table old.orders (id int);",
    bad="drop schema old cascade;",
    good="create schema new;",
)
