"""Estimates each statement's duration and changed rows, on the tables of a real environment. Pure.

The estimate for a statement uses the table sizes that the statements before it leave.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...lazy import dataclass
from .impact import StatementImpact, StepImpact, Work
from .query_estimate import LOGGED, Cost, Estimator, UnknownTimeError, indexing, target_size
from .size import Rates, Size

if TYPE_CHECKING:
    from .query import Node

_ROWS_PER_PAGE = 80
"""Assumed rows per page of a table that the plan itself creates."""
FEW_ROWS = 1000
"""For fewer rows than this, the time of trigger functions is ignored."""
_PAGE, _RECORD = 8192, 60
"""The size of a page, and the size of a WAL record without its row or index entry, in bytes."""


@dataclass(frozen=True)
class Change:
    """The rows of an existing table that a statement changes."""

    line: int
    relation: str
    does: str
    """`Insert`, `Update`, `Delete` or `Merge`. Empty if an unknown number of queries read the table."""
    rows: float | None
    """An upper bound of the number of rows. None if unknown."""
    wal: float | None = None
    """Bytes of WAL. None if unknown."""
    fires: bool = False
    """Whether the change fires a row trigger."""
    batch: int = 0
    """The rows per transaction of a statement that runs in batches. 0 for any other statement."""

    @property
    def locks_rows(self) -> bool:
        """Whether the changed rows stay locked until the commit. Other sessions that change these rows then wait."""
        return self.does != "Insert"


@dataclass(frozen=True)
class Timed:
    """The estimate of one statement."""

    seconds: float | None
    """The estimated duration. None if unknown."""
    changes: tuple[Change, ...]
    sizes: Mapping[str, Size]
    """Maps tables to their sizes after the statement."""
    sized: bool
    """Whether the duration depends on the size of a table."""


def timed(impact: StepImpact, sizes: Mapping[str, Size], rates: Rates | None) -> Iterator[Timed]:
    """The estimate of each statement, in order."""
    for each in impact.statements:
        if rates is None:
            own = None if each.unmeasured or each.tables else each.millis / 1000
            yield Timed(own, _unknown(each), sizes, bool(each.tables))
            continue
        try:
            costs = [Estimator(sizes, rates).of(plan) for plan in each.queries]
        except UnknownTimeError:
            sizes = {**sizes, **dict.fromkeys(each.filled, Size(math.inf))}
            yield Timed(None, _unknown(each), sizes, bool(each.tables))
            continue
        work = _worked(each, sizes, rates)
        total = None if work is None or each.unmeasured else work + sum(cost.seconds for cost in costs)
        changes = _unknown(each) if each.unmeasured else tuple(_changes(each, sizes, rates))
        if total and each.batch and (rows := max((change.rows or 0.0 for change in changes), default=0.0)):
            total *= min(1.0, each.batch / rows)
        if any(change.fires and (change.rows is None or change.rows >= FEW_ROWS) for change in changes):
            total = None
        sizes = _grown(each, sizes, costs)
        filling = LOGGED * sum(sizes[name].rows for name in each.filled) / rates.inserted
        yield Timed(_known(total, filling, each.millis / 1000), changes, sizes, bool(each.tables))


def _unknown(statement: StatementImpact) -> tuple[Change, ...]:
    changed = dict.fromkeys((node.relation, node.operation) for node in _changing(statement))
    read = dict.fromkeys((relation, "") for relation in statement.unmeasured)
    return tuple(Change(statement.line, relation, does, None) for relation, does in changed | read)


def _changing(statement: StatementImpact) -> Iterator[Node]:
    for plan in statement.queries:
        yield from (node for node in plan.walk() if node.operation and node.relation and not node.fresh)


def _changes(statement: StatementImpact, sizes: Mapping[str, Size], rates: Rates) -> Iterator[Change]:
    for node in _changing(statement):
        rows = Estimator(sizes, rates).of(node).rows
        size = target_size(node, sizes)
        if size and node.operation != "Insert":
            rows = min(rows, size.rows)
        wal = _wal(node.operation, rows, size)
        fires = size is not None and (node.operation in size.fires or (node.operation == "Merge" and bool(size.fires)))
        yield Change(statement.line, node.relation, node.operation, rows, wal, fires, statement.batch)


def _wal(does: str, rows: float, size: Size | None) -> float | None:
    """Bytes of WAL: a record per row and per index entry, and a full-page image of each existing page that changes."""
    if size is None:
        return None
    row = _PAGE * size.pages / size.rows if size.rows else 0.0
    entry = row * size.index_pages / max(size.pages, 1)
    touched = 0.0 if does == "Insert" or not size.rows else min(rows, size.pages) * _PAGE
    if does == "Delete":
        return rows * _RECORD + touched
    return rows * (row + _RECORD + (entry + _RECORD if size.index_pages else 0)) + touched


def _known(total: float | None, filling: float, least: float) -> float | None:
    """The sum of `total` and `filling`, but at least `least`, the time in the trial. None if `total` is unknown."""
    return None if total is None or not math.isfinite(total + filling) else max(total + filling, least)


def _worked(statement: StatementImpact, sizes: Mapping[str, Size], rates: Rates) -> float | None:
    """Seconds for work on whole tables. For a table that the plan created and filled, the estimated size is used."""
    there = [work for work in statement.worked if work.relation in sizes or not work.fresh]
    if any(work.relation not in sizes for work in there):
        return None
    return sum(seconds(work.work, sizes[work.relation], rates) for work in there)


def _grown(statement: StatementImpact, sizes: Mapping[str, Size], costs: Sequence[Cost]) -> Mapping[str, Size]:
    """The table sizes after the statement's queries have added rows."""
    more = {name: max((cost.rows for cost in costs), default=0.0) for name in statement.filled}
    for plan, cost in zip(statement.queries, costs, strict=True):
        if plan.operation == "Insert":
            more[plan.relation] = more.get(plan.relation, 0.0) + cost.rows
    new = {name: _with(sizes.get(name, Size(0)), rows) for name, rows in more.items() if rows}
    return {**sizes, **dict.fromkeys(statement.filled, Size(0)), **new}


def _with(size: Size, rows: float) -> Size:
    pages = rows * (size.pages / size.rows if size.rows and size.pages else 1 / _ROWS_PER_PAGE)
    return replace(size, rows=size.rows + rows, pages=size.pages + round(pages))


def seconds(work: Work, size: Size, rates: Rates) -> float:
    """Seconds for work on a whole table at the measured rates."""
    match work:
        case Work.EMPTY:
            return 0.0
        case Work.SCAN:
            return max(size.rows / rates.scanned, size.pages / rates.pages)
        case Work.FOREIGN_KEY:
            return max(size.rows / rates.checked, size.pages / rates.pages)
        case Work.INDEX:
            return max(size.rows / rates.indexed, size.pages / rates.pages)
        case Work.REWRITE:
            pages = 2 * size.pages + size.index_pages
            return max(size.rows / rates.rewritten, pages / rates.pages) + indexing(size, rates)
