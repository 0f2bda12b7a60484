"""Estimates the time of a query from the shape of its plan and the sizes of the real tables. Pure.

A condition of unknown selectivity is assumed to match all rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...lazy import dataclass, regex
from .size import Column, Rates, Size, total

if TYPE_CHECKING:
    from .query import Node

_COLUMN = r'\(*(?:(?:\w+|"[^"]+")\.)*(?P<column>\w+|"[^"]+")\)*(?:::[\w ]+)?\)*'
_TESTS = (
    ("null", regex(_COLUMN + r" IS NULL\)*")),
    ("not null", regex(_COLUMN + r" IS NOT NULL\)*")),
    ("equal", regex(_COLUMN + r" = .*", re.DOTALL)),
)
_INDEXED = frozenset({"Index Scan", "Index Only Scan", "Bitmap Heap Scan"})
_SORTED = frozenset({"Sort", "Incremental Sort", "Hash", "Aggregate", "Unique", "WindowAgg", "Materialize"})
_ENTRIES = 0.7
"""The time to add an entry to an index. The unit is the time per row to build an index on a text column."""
LOGGED = 2.5
"""The time to write a row and its WAL to disk. The unit is the time on a throw-away server, which skips the disk."""


class UnknownTimeError(Exception):
    """The plan reads a relation of unknown size, or a foreign table."""


@dataclass(frozen=True)
class Cost:
    """Upper bounds for a plan's node and the nodes below it: the time, and the number of rows that the node returns."""

    seconds: float
    rows: float


@dataclass(frozen=True)
class Estimator:
    """Estimates the time of plans from table sizes and a server's rates."""

    sizes: Mapping[str, Size]
    rates: Rates

    def of(self, root: Node) -> Cost:
        """The cost of a whole query plan. Raises UnknownTimeError."""
        return self._node(root, max((self._rows(node) for node in root.walk()), default=0.0))

    def _rows(self, node: Node) -> float:
        size = self.sizes.get(node.relation)
        return size.rows if size and not node.operation else 0.0

    def _node(self, node: Node, most: float) -> Cost:
        below = [(child, self._node(child, most)) for child in node.children]
        if node.relation and not node.operation:
            own = self._scan(node)
        else:
            own = Cost(0.0, _passed(node, [cost.rows for child, cost in below if not child.once], most))
        loops = max((cost.rows for child, cost in below if not (child.repeated or child.once)), default=own.rows)
        seconds = sum(cost.seconds * (loops if child.repeated else 1) for child, cost in below)
        if node.kind in _SORTED:
            own = Cost(loops / self.rates.read, own.rows)
        if node.operation:
            own = Cost(self._write(node, own.rows), own.rows)
        return Cost(own.seconds + seconds, own.rows)

    def _scan(self, node: Node) -> Cost:
        size = self.sizes.get(node.relation)
        if node.kind == "Foreign Scan" or (size is None and not node.fresh):
            raise UnknownTimeError(node.relation)
        size = size or Size(0)
        share = 1.0 if (found := share_of(node.filter, size)) is None else found
        if node.kind not in _INDEXED:
            return Cost(max(size.rows / self.rates.read, size.pages / self.rates.pages), size.rows * share)
        if node.repeated:
            return Cost(1 / self.rates.found, 1)
        known = share_of(node.condition, size)
        rows = size.rows * known if known is not None else 1 if node.rows <= 1 else size.rows
        return Cost(rows / self.rates.found, rows * share)

    def _write(self, node: Node, rows: float) -> float:
        size = target_size(node, self.sizes)
        rate = self.rates.inserted if node.operation in {"Insert", "Delete"} else self.rates.updated
        return LOGGED * rows / rate + (self._beside(node, rows, size) if size else 0.0)

    def _beside(self, node: Node, rows: float, size: Size) -> float:
        """Seconds to add index entries and to check foreign keys. PostgreSQL runs one query per row and foreign key."""
        checks = {"Insert": size.keys, "Delete": size.referenced}.get(node.operation, 0) / self.rates.found
        if node.operation == "Delete":
            checks += size.unindexed / self.rates.read
        entries = 0 if node.operation == "Delete" else size.indexes
        return rows * (_ENTRIES * entries / self.rates.indexed + checks)


def target_size(node: Node, sizes: Mapping[str, Size]) -> Size | None:
    """The size of the table that a node changes, including its changed children or partitions. None if unknown."""
    return total(sizes[name] for name in node.targets or (node.relation,) if name in sizes)


def share_of(condition: str, size: Size) -> float | None:
    """The fraction of the rows that a condition matches, according to statistics. None if unknown."""
    if not condition:
        return 1.0
    if " OR " in condition or "SubPlan" in condition:
        return None
    shares = [_share(part, size) for part in condition.split(" AND ")]
    known = [share for share in shares if share is not None]
    if not known:
        return None
    share = 1.0
    for each in known:
        share *= each
    return share


def indexing(size: Size, rates: Rates) -> float:
    """Seconds to rebuild all indexes, from their page counts. Assumes as many rows per index page as per table page."""
    return size.index_pages / max(size.pages, 1) * size.rows / rates.indexed


def _share(test: str, size: Size) -> float | None:
    for kind, pattern in _TESTS:
        if (found := pattern.fullmatch(test.strip())) and (column := size.columns.get(found["column"].strip('"'))):
            return _of(kind, column, size.rows)
    return None


def _of(kind: str, column: Column, rows: float) -> float:
    match kind:
        case "null":
            return column.nulls
        case "not null":
            return 1 - column.nulls
        case _:
            distinct = column.distinct if column.distinct >= 0 else -column.distinct * rows
            return (1 - column.nulls) / max(distinct, 1.0)


def _passed(node: Node, rows: list[float], most: float) -> float:
    """The number of rows returned by a node that does not scan a table."""
    if not rows or node.kind == "CTE Scan":
        return max(most, node.rows) if node.kind == "CTE Scan" else node.rows
    if node.kind == "Aggregate" and node.plain:
        return 1.0
    if node.kind == "Limit" and node.rows < max(child.rows for child in node.children):
        return node.rows
    if node.kind == "Nested Loop" and node.plain:
        return rows[0] * rows[-1]
    return sum(rows) if node.kind in {"Append", "Merge Append"} else max(rows)
