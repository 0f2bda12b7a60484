"""Reports an ALTER COLUMN TYPE that rewrites the table or rebuilds its indexes."""

from __future__ import annotations

from enum import Enum, auto
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ...sql.nodes import Node, columns_in, relation_name
from ..added_columns import collation_of, target
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called
from ..types import UNKNOWN, Cost, Type, alike, cost_of, type_of, under_utc_only

if TYPE_CHECKING:
    from ..catalog import Catalog, Table

_UTC = {"", "utc", "etc/utc", "gmt", "zulu"}
"""Names of the time zone UTC. The empty string stands for a session whose TimeZone is unknown."""
_DROP_FIRST = "drop the index first, and rebuild it CONCURRENTLY afterwards, in separate migrations"
_VALID_LATER = "drop the constraint first, add it as NOT VALID afterwards, and VALIDATE it in a separate migration"
_SET_UTC = "run SET LOCAL TimeZone = 'UTC' first, if the values are in UTC"


def check(case: Case) -> Hits:
    """Whether a change of type rewrites the table. Of 1,441 measured type changes, 76 do not."""
    for command in case.parts("AT_AlterColumnType"):
        for table in _tables(case):
            yield from _hits(case, table, command) if case.has_rows(table) else ()


def _tables(case: Case) -> list[Table]:
    """The table that ALTER TABLE changes, or the typed tables of the type that ALTER TYPE changes."""
    if case.node.get("objtype") == "OBJECT_TYPE":
        return [table for table in case.catalog.typed(relation_name(case.node.get("relation", {}))) if not table.new]
    return [case.altered] if case.altered else []


def _hits(case: Case, table: Table, command: Node) -> Hits:
    definition, name = target(command), command.get("name", "")
    new = type_of(definition.get("typeName", {}))
    blocks = f"blocks reads and writes on `{called(table)}` while"
    match _change_of(case.catalog, table, name, definition):
        case _Change.REWRITE:
            unless = (
                ""
                if _known(table, name) or "raw_default" in definition
                else ", unless the current type, which is unknown, needs no rewrite"
            )
            yield Hit(f"{blocks} it is rewritten, because `{name}` becomes {new}{unless}", part=command)
        case _Change.INDEXES:
            yield Hit(f"{blocks} the indexes on `{name}` are rebuilt", _DROP_FIRST, part=command)
        case _Change.CHECKS:
            yield Hit(f"{blocks} every row is checked against the constraints on `{name}`", _VALID_LATER, part=command)
        case _Change.UNLESS_UTC:
            what = f"rewrites `{called(table)}` if TimeZone is not UTC"
            yield Hit(what, _SET_UTC, blocks=False, part=command)
        case _Change.NOTHING:
            pass


def _known(table: Table, name: str) -> bool:
    return name in table.columns and table.columns[name].type != UNKNOWN


class _Change(Enum):
    """The work that PostgreSQL does to change a column's type."""

    NOTHING = auto()
    REWRITE = auto()
    INDEXES = auto()
    CHECKS = auto()
    UNLESS_UTC = auto()
    """A rewrite, unless the session's TimeZone is UTC."""


def _change_of(catalog: Catalog, table: Table, column: str, definition: Node) -> _Change:
    """The work that a column's new type causes. `definition` is the ColumnDef in the parse tree."""
    new, using = type_of(definition.get("typeName", {})), definition.get("raw_default")
    known = table.columns.get(column)
    old = known.type if known else UNKNOWN
    if known and known.generated == "virtual":  # not stored: PostgreSQL 18.4 only checks rows against a CHECK
        return _Change.CHECKS if _checked(table, column) else _Change.NOTHING
    cost = _cost_using(catalog, old, new, using, column)
    if cost is Cost.REWRITE:
        return _Change.REWRITE
    same = catalog.base(old) == catalog.base(new)
    if _checked(table, column):
        return _Change.CHECKS
    zoned = not same and under_utc_only(catalog.base(old), catalog.base(new))
    if zoned and catalog.timezone.lower() not in _UTC:
        return _Change.REWRITE
    indexes = catalog.indexes_on(table.name, [column])
    collated = known and known.collation != collation_of(definition)
    resorted = collated or (cost is Cost.INDEXES and any(column not in index.own_classes for index in indexes))
    of_elements = new.array and any(index.method == "gin" for index in indexes)  # GIN indexes array elements
    if of_elements or any(index.computed for index in indexes) or (resorted and indexes):
        return _Change.INDEXES
    return _Change.UNLESS_UTC if zoned and not catalog.timezone else _Change.NOTHING


def _cost(catalog: Catalog, old: Type, new: Type) -> Cost:
    if alike(old, new):
        return Cost.NOTHING
    if catalog.checked(new) or (catalog.domain(old) and new.mods):
        return Cost.REWRITE
    if catalog.domain(old) and catalog.base(old).array and alike(catalog.base(old), new):
        return Cost.INDEXES
    return cost_of(catalog.base(old), catalog.base(new))


def _cost_using(catalog: Catalog, old: Type, new: Type, using: Any, column: str) -> Cost:
    """The cost with USING: a rewrite, unless USING has only casts that do not rewrite, as in `code::varchar(30)`."""
    node, steps = using, [new]
    while isinstance(node, dict) and "TypeCast" in node:
        steps.append(type_of(node["TypeCast"].get("typeName", {})))
        node = node["TypeCast"].get("arg", {})
    if using is not None and not (isinstance(node, dict) and "ColumnRef" in node and columns_in(node) == {column}):
        return Cost.REWRITE
    costs = [_cost(catalog, *pair) for pair in pairwise([old, *reversed(steps)])]
    return Cost.REWRITE if Cost.REWRITE in costs else _cost(catalog, old, new)


def _checked(table: Table, column: str) -> bool:
    """Whether the column has a valid CHECK, which PostgreSQL validates again after every change of type."""
    return any(c.kind == "CONSTR_CHECK" and column in c.columns and c.valid for c in table.constraints.values())


RULE = Rule(
    id="rewriting-type",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="Changing the type of a column usually rewrites the whole table and its indexes under an ACCESS EXCLUSIVE "
    "lock. A few changes do not rewrite the table, such as a longer varchar, or varchar to text.",
    instead="add a column of the new type, synchronise both with a trigger, backfill in batches, then swap the names",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table orders alter column quantity type bigint;",
    good="alter table orders alter column code type varchar(40);",
)
