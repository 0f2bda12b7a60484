"""Reports ALTER COLUMN TYPE that rewrites the table or rebuilds its indexes."""

from __future__ import annotations

from ...sql.nodes import Node
from ..added_columns import target
from ..catalog import Table
from ..nodes import relation_name
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called
from ..type_change import Change, change_of
from ..types import type_of


def check(case: Case) -> Hits:
    """Compares the types: 76 of 1,441 measured pairs do not rewrite the table."""
    for command in case.parts("AT_AlterColumnType"):
        for table in _tables(case):
            yield from _hits(case, table, command) if case.has_rows(table) else ()


def _tables(case: Case) -> list[Table]:
    """The altered table, or the typed tables of the altered type."""
    if case.node.get("objtype") == "OBJECT_TYPE":
        return [table for table in case.catalog.typed(relation_name(case.node.get("relation", {}))) if not table.new]
    return [case.altered] if case.altered else []


def _hits(case: Case, table: Table, command: Node) -> Hits:
    definition, name = target(command), command.get("name", "")
    new = type_of(definition.get("typeName", {}))
    blocks = f"blocks reads and writes on `{called(table)}` while"
    match change_of(case.catalog, table, name, definition):
        case Change.REWRITE:
            yield Hit(f"{blocks} it is rewritten, because `{name}` becomes {new}", part=command)
        case Change.INDEXES:
            yield Hit(f"{blocks} the indexes on `{name}` are rebuilt", _DROP_FIRST, part=command)
        case Change.CHECKS:
            yield Hit(f"{blocks} every row is checked against the constraints on `{name}`", _VALID_LATER, part=command)
        case Change.UNLESS_UTC:
            what = f"rewrites `{called(table)}` if TimeZone is not UTC"
            yield Hit(what, _SET_UTC, blocks=False, part=command)
        case Change.NOTHING:
            pass


_DROP_FIRST = "drop the index first, and rebuild it CONCURRENTLY afterwards, in separate migrations"
_VALID_LATER = "drop the constraint first, add it as NOT VALID afterwards, and VALIDATE it in a separate migration"
_SET_UTC = "run SET LOCAL TimeZone = 'UTC' first, if the values are in UTC"

RULE = Rule(
    id="rewriting-type",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="Changing the type of a column usually rewrites the whole table and its indexes under an ACCESS EXCLUSIVE "
    "lock. A few changes do not, such as a longer varchar, or varchar to text.",
    instead="add a column of the new type, keep both in sync with a trigger, backfill in batches, then swap the names",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table orders alter column quantity type bigint;",
    good="alter table orders alter column code type varchar(40);",
)
