"""Reports ALTER COLUMN TYPE that rewrites the table or rebuilds its indexes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..added_columns import target
from ..catalog import Table
from ..nodes import relation_name
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called
from ..type_change import Change, change_of
from ..types import type_of


def check(case: Case) -> Iterator[Hit]:
    """Compares the types: 76 of 1,441 measured pairs do not rewrite the table."""
    for command in case.parts("AT_AlterColumnType"):
        for table in _tables(case):
            yield from _hits(case, table, command) if case.has_rows(table) else ()


def _tables(case: Case) -> list[Table]:
    """The altered table, or the typed tables of the altered type."""
    if case.node.get("objtype") == "OBJECT_TYPE":
        return [table for table in case.catalog.typed(relation_name(case.node.get("relation", {}))) if not table.new]
    return [case.altered] if case.altered else []


def _hits(case: Case, table: Table, command: dict[str, Any]) -> Iterator[Hit]:
    definition, name = target(command), command.get("name", "")
    new = type_of(definition.get("typeName", {}))
    change = change_of(case.catalog, table, name, definition)
    waits = f"reads and writes of {called(table)} wait while"
    if change is Change.REWRITE:
        yield Hit(f"{waits} every row is written anew: {name} becomes {new}", part=command)
    elif change is Change.INDEXES:
        yield Hit(f"{waits} the indexes on {name} are built anew", _DROP_FIRST, part=command)
    elif change is Change.CHECKS:
        yield Hit(f"{waits} the constraints of {name} are checked again, row by row", _VALID_LATER, part=command)
    elif change is Change.UNLESS_UTC:
        what = f"every row of {called(table)} is written anew where TimeZone is another than UTC"
        yield Hit(
            what, "SET LOCAL TimeZone = 'UTC' before it, where that is what the values mean", blocks=False, part=command
        )


_DROP_FIRST = "drop the index first and build it again CONCURRENTLY, in migrations of their own"
_VALID_LATER = "drop the constraint first, add it again NOT VALID, and VALIDATE it in a migration of its own"

RULE = Rule(
    id="rewriting-type",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="Most changes of a column's type write the table and all its indexes anew under an ACCESS EXCLUSIVE lock. "
    "A few, such as a longer varchar or varchar to text, change the catalogue only.",
    instead="add a column of the new type, keep both in step by a trigger, fill it in batches, then swap the names",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table orders alter column quantity type bigint;",
    good="alter table orders alter column code type varchar(40);",
)
