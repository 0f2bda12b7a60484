"""The activity between two samples, computed from the differences of their counters. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

from ...lazy import dataclass
from .sample import DatabaseFigures, Sample, StatementFigures, TableFigures

STATEMENTS, TABLES = "statements", "tables"
"""The groups of counters that the server resets together."""


@dataclass(frozen=True)
class Calls:
    """The calls of one statement in an interval."""

    calls: int
    mean: float
    """The mean execution time in milliseconds."""
    variance: float = 0.0
    blocks: float = 0.0
    """The mean number of blocks per call."""


def calls_of(figures: StatementFigures) -> Calls:
    """The calls since the counters were reset."""
    return _calls(figures, StatementFigures(0, 0.0))


def _calls(last: StatementFigures, first: StatementFigures) -> Calls:
    calls = last.calls - first.calls
    if calls <= 0:
        return Calls(0, 0.0)
    mean = max(last.total - first.total, 0.0) / calls
    variance = max((last.squares - first.squares) / calls - mean * mean, 0.0)
    return Calls(calls, mean, variance, max(last.blocks - first.blocks, 0) / calls)


def deviation(before: Calls, after: Calls) -> float:
    """By how many standard errors the mean has risen (Welch's t)."""
    error = sqrt(before.variance / before.calls + after.variance / after.calls)
    difference = after.mean - before.mean
    return difference / error if error > 0 else float("inf") if difference > 0 else 0.0


@dataclass(frozen=True)
class Interval:
    """The time between two samples of one database. If a group of counters was reset, values of the group are None."""

    first: Sample
    last: Sample

    @property
    def seconds(self) -> float:
        """The length of the interval."""
        return max((self.last.at - self.first.at).total_seconds(), 0.0)

    def was_reset(self, group: str) -> bool:
        """Whether counters of the group were reset between the two samples."""
        if self.first.resets.get(group, "") != self.last.resets.get(group, ""):
            return True
        if group == STATEMENTS:
            first, last = self.first.statements or {}, self.last.statements or {}
            kept = [key for key in first if key in last]
            return any(last[key].calls < first[key].calls for key in kept) or bool(first and not kept)
        before, after = self.first.database, self.last.database
        return bool(before and after and after.commits < before.commits)

    def statements(self) -> Mapping[str, Calls] | None:
        """Maps each statement that was called in the interval to its calls. None if unknown."""
        first, last = self.first.statements, self.last.statements
        if first is None or last is None or self.was_reset(STATEMENTS):
            return None
        none = StatementFigures(0, 0.0)
        found = {key: _calls(figures, first.get(key, none)) for key, figures in last.items()}
        return {key: calls for key, calls in found.items() if calls.calls}

    def table(self, name: str) -> TableFigures | None:
        """The activity on a table, and its size and definition in the last sample. None if unknown."""
        first, last = (self.first.tables or {}).get(name), (self.last.tables or {}).get(name)
        if first is None or last is None or self.was_reset(TABLES):
            return None
        return TableFigures(
            last.rows,
            last.dead,
            last.bytes,
            max(last.seq_scans - first.seq_scans, 0),
            max(last.seq_rows - first.seq_rows, 0),
            max(last.index_scans - first.index_scans, 0),
            max(last.written - first.written, 0),
            last.file,
            last.definition,
        )

    def database(self) -> DatabaseFigures | None:
        """The activity of the database, and its size in the last sample. None if unknown."""
        first, last = self.first.database, self.last.database
        if first is None or last is None or self.was_reset(TABLES):
            return None
        return DatabaseFigures(
            last.commits - first.commits,
            max(last.rollbacks - first.rollbacks, 0),
            max(last.hits - first.hits, 0),
            max(last.reads - first.reads, 0),
            max(last.deadlocks - first.deadlocks, 0),
            last.bytes,
        )
