"""Reports DROP SCHEMA and DROP DATABASE."""

from __future__ import annotations

from ...sql.nodes import dropped_names
from ..rule import Case, Group, Hit, Hits, Rule, Severity


def check(case: Case) -> Hits:
    """Reports the statement, because it drops all objects in the schema or database."""
    if case.kind == "DropdbStmt":
        yield Hit(f"drops the database `{case.node.get('dbname', '')}` with all its objects and data")
    elif case.node.get("removeType") == "OBJECT_SCHEMA":
        for parts in dropped_names(case.node):
            inside = [table for table in case.catalog.tables.values() if table.name[0] == parts[-1]]
            if not case.catalog.complete or any(not table.new for table in inside):
                yield Hit(f"drops the schema `{parts[-1]}` with all its objects and data")


RULE = Rule(
    id="drop-schema",
    group=Group.DESTRUCTIVE,
    severity=Severity.ERROR,
    kinds=("DropStmt", "DropdbStmt"),
    why="Dropping a schema or a database drops all its tables, and a rollback cannot restore their rows.",
    instead="drop each object by its name, so that a reviewer sees all of them",
    check=check,
    given="create schema old;\ncreate table old.orders (id int);",
    bad="drop schema old cascade;",
    good="create schema new;",
)
