"""The cost of ALTER COLUMN TYPE for a table, its indexes and its constraints."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from ..sql.nodes import Node
from .added_columns import collation_of
from .catalog import Catalog, Table
from .nodes import columns_in
from .types import UNKNOWN, Cost, Type, alike, cost_of, type_of, under_utc_only

_UTC = {"", "utc", "etc/utc", "gmt", "zulu"}
"""Names of time zones that are UTC; empty if the session's TimeZone is unknown."""


class Change(Enum):
    """The work that the change requires."""

    NOTHING = auto()
    REWRITE = auto()
    INDEXES = auto()
    CHECKS = auto()
    UNLESS_UTC = auto()
    """None, if the session's TimeZone is UTC."""


def change_of(catalog: Catalog, table: Table, column: str, definition: Node) -> Change:
    """The work that a column's new type requires; `definition` is the statement's ColumnDef."""
    new, using = type_of(definition.get("typeName", {})), definition.get("raw_default")
    known = table.columns.get(column)
    old = known.type if known else UNKNOWN
    cost = _cost(catalog, old, new)
    if using is not None and not _plain(using, column, new):
        cost = Cost.REWRITE
    if cost is Cost.REWRITE:
        return Change.REWRITE
    same = catalog.base(old) == catalog.base(new)
    if _checked(table, column):
        return Change.CHECKS
    zoned = not same and under_utc_only(catalog.base(old), catalog.base(new))
    if zoned and catalog.timezone.lower() not in _UTC:
        return Change.REWRITE
    indexes = catalog.indexes_on(table.name, [column])
    collated = known and known.collation != collation_of(definition)
    sorted_anew = collated or (cost is Cost.INDEXES and any(column not in index.own_classes for index in indexes))
    of_elements = new.array and any(index.method == "gin" for index in indexes)  # GIN stores elements
    if of_elements or any(index.computed for index in indexes) or (sorted_anew and indexes):
        return Change.INDEXES
    return Change.UNLESS_UTC if zoned and not catalog.timezone else Change.NOTHING


def _cost(catalog: Catalog, old: Type, new: Type) -> Cost:
    if alike(old, new):
        return Cost.NOTHING
    if catalog.checked(new) or (catalog.domain(old) and new.mods):
        return Cost.REWRITE
    if catalog.domain(old) and catalog.base(old).array and alike(catalog.base(old), new):
        return Cost.INDEXES
    return cost_of(catalog.base(old), catalog.base(new))


def _plain(using: Any, column: str, new: Type) -> bool:
    """Whether USING is only the column, or the column cast to the new type."""
    node = using
    while isinstance(node, dict) and "TypeCast" in node:
        if not alike(type_of(node["TypeCast"].get("typeName", {})), new):
            return False
        node = node["TypeCast"].get("arg", {})
    return isinstance(node, dict) and "ColumnRef" in node and columns_in(node) == {column}


def _checked(table: Table, column: str) -> bool:
    """Whether the column has a valid CHECK, which PostgreSQL drops, adds and validates again for any type."""
    return any(c.kind == "CONSTR_CHECK" and column in c.columns and c.valid for c in table.constraints.values())
