"""A sample of the cumulative statistics of a database at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from ...lazy import dataclass


@dataclass(frozen=True)
class StatementFigures:
    """The counters of one normalised statement since they were last reset."""

    calls: int
    total: float
    """The execution time of all calls, in milliseconds."""
    squares: float = 0.0
    """The sum of the squared times of all calls. The variance in an interval is computed from two such sums."""
    blocks: int = 0
    """The number of blocks that all calls found in the cache or read."""
    longest: float = 0.0
    """The time of the longest call, in milliseconds."""
    text: str = ""


@dataclass(frozen=True)
class TableFigures:
    """The counters of one table, and the facts that show whether it was rewritten or altered."""

    rows: float = 0.0
    """The estimated number of live rows."""
    dead: int = 0
    bytes: int = 0
    seq_scans: int = 0
    seq_rows: int = 0
    """The number of rows that sequential scans read."""
    index_scans: int = 0
    written: int = 0
    """The number of inserted, updated and deleted rows."""
    file: int = 0
    """The relfilenode. A rewrite of the table changes it."""
    definition: str = ""
    """A hash of the columns and indexes."""


@dataclass(frozen=True)
class IndexFigures:
    """The counters of one index."""

    table: str
    scans: int = 0
    bytes: int = 0
    constrains: bool = False
    """Whether the index enforces a constraint. Such an index is needed even if no query scans it."""


@dataclass(frozen=True)
class DatabaseFigures:
    """The counters of the whole database."""

    commits: int = 0
    rollbacks: int = 0
    hits: int = 0
    """The number of blocks that were found in the cache."""
    reads: int = 0
    deadlocks: int = 0
    bytes: int | None = None
    """The size of the database. None if it could not be read in time."""


@dataclass(frozen=True, order=True)
class Blind:
    """A part of the load that could not be read."""

    what: str
    why: str
    matters: bool = True
    """Whether a regression could be hidden in this part. If so, the verdict on a run without findings is unknown."""


@dataclass(frozen=True)
class Sample:
    """The server's statistics at one moment. A part is None if it could not be read."""

    at: datetime
    statements: Mapping[str, StatementFigures] | None = None
    """Maps the MD5 hash of each normalised text to its counters."""
    tables: Mapping[str, TableFigures] | None = None
    indexes: Mapping[str, IndexFigures] | None = None
    database: DatabaseFigures | None = None
    waiting: int | None = None
    """The number of sessions that waited for a lock."""
    lag: float | None = None
    """The largest lag of a replica, in seconds. None if unknown, 0 without replicas."""
    io: Mapping[str, int] = field(default_factory=dict)
    """The operations of client backends, as in pg_stat_io. Empty before PostgreSQL 16."""
    plans: Mapping[str, str] = field(default_factory=dict)
    """Maps statements to the shapes of their generic plans. Empty before PostgreSQL 16."""
    resets: Mapping[str, str] = field(default_factory=dict)
    """Maps each group of counters to the time of its last reset. Two samples are comparable if this time is equal."""
    blind: tuple[Blind, ...] = ()
