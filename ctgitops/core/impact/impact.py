"""The impact of a migration on existing relations: the locks and the work that PostgreSQL reported in the trial. Pure.

The most important case is a statement that reads, rewrites or indexes a whole relation while its transaction holds a
lock that blocks writes. On a large table this takes long, and all writes to the table wait until it is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from ...sql.locks import LockMode
from .query import Node

READS, WRITES = LockMode.ACCESS_SHARE, LockMode.ROW_EXCLUSIVE


class Work(StrEnum):
    """Work whose duration grows with the number of rows."""

    REWRITE = "rewrites"
    EMPTY = "empties"
    """TRUNCATE: a new, empty file."""
    SCAN = "reads all of"
    FOREIGN_KEY = "checks a foreign key of"
    INDEX = "builds an index on"


@dataclass(frozen=True)
class Held:
    """The strongest lock that a transaction holds on a relation."""

    relation: str
    """`public.projects`, quoted where SQL needs it."""
    mode: LockMode
    kind: str = "table"
    """`table`, `index`, `sequence`, `view`, `materialized view` or `foreign table`."""
    of: str = ""
    """For an index, its table: reads and writes of the table need the index too."""
    fresh: bool = False
    """Whether an earlier migration of the same plan created it, so that no other session uses it yet."""

    @property
    def table(self) -> str:
        """The table that the lock affects: the table of an index, otherwise the relation itself."""
        return self.of or self.relation

    @property
    def blocks(self) -> str:
        """What the lock blocks in other sessions, as text; empty if it blocks nothing that they notice."""
        return what_it_blocks(self.mode)


@dataclass(frozen=True)
class Worked:
    """Work on a whole relation."""

    work: Work
    relation: str
    what: str = ""
    """The index or the foreign key."""
    fresh: bool = False


@dataclass(frozen=True)
class StatementImpact:
    """The locks and the work of one statement."""

    line: int
    """Its line in the file."""
    taken: tuple[Held, ...] = ()
    """The locks that it took, the strongest for each relation."""
    held: tuple[Held, ...] = ()
    """The locks on the relations it worked on that its transaction held at its end, earlier statements included."""
    worked: tuple[Worked, ...] = ()
    proved: tuple[str, ...] = ()
    """The constraints that PostgreSQL proved without reading rows, as the server reports them."""
    concurrent: bool = False
    """Whether it waits for other sessions instead of blocking them."""
    millis: float = 0.0
    """Milliseconds on the throw-away server, whose tables are empty or small."""
    queries: tuple[Node, ...] = ()
    """The plans of the queries that it ran, those of blocks and functions included."""
    filled: tuple[str, ...] = ()
    """The tables that it created and filled with the rows of such a query."""
    unmeasured: tuple[str, ...] = ()
    """The relations that it reads in a way that depends on rows, so that its work on them is unknown."""

    @property
    def blocking(self) -> tuple[Worked, ...]:
        """The part of its work that blocks writes until it is done."""
        if self.concurrent:
            return ()
        shut = {held.table for held in self.held if WRITES in held.mode.conflicts}
        return tuple(work for work in self.worked if work.relation in shut)

    batch: int = 0
    """Rows of each of its transactions, if it runs in batches."""

    @property
    def tables(self) -> tuple[str, ...]:
        """The existing relations on whose size its time depends."""
        queried = (node.relation for plan in self.queries for node in plan.walk() if node.relation and not node.fresh)
        return (*(work.relation for work in self.worked if not work.fresh), *queried, *self.unmeasured)

    @property
    def blocks_writes_while_it_works(self) -> bool:
        """Whether it rewrites, scans, checks a foreign key or builds an index under a lock that blocks writes."""
        return bool(self.blocking)


@dataclass(frozen=True)
class LockWindow:
    """A lock that blocks writes, from the statement that takes it until the commit."""

    held: Held
    line: int
    """The line of the statement that takes it."""
    during: tuple[StatementImpact, ...]
    """That statement and the following ones, during which the lock is held."""

    @property
    def worked_on(self) -> tuple[str, ...]:
        """The existing relations that statements work on under the lock."""
        return tuple(dict.fromkeys(table for each in self.during for table in each.tables))


@dataclass(frozen=True)
class StepImpact:
    """The locks and the work of one migration, by statement."""

    statements: tuple[StatementImpact, ...] = ()
    transactional: bool = True
    """Whether all locks are held until its end; otherwise each statement holds its own locks until its own end."""

    @cached_property
    def strongest(self) -> tuple[Held, ...]:
        """The strongest lock on each relation, in descending strength."""
        return strongest(held for statement in self.statements for held in statement.taken)

    @property
    def windows(self) -> tuple[LockWindow, ...]:
        """The lock windows on existing tables, during which other sessions cannot write, or neither read nor write."""
        return tuple(self._windows())

    @property
    def blocks_writes_while_it_works(self) -> bool:
        """Whether any of its statements blocks writes while it works."""
        return any(statement.blocks_writes_while_it_works for statement in self.statements)

    def _windows(self) -> Iterator[LockWindow]:
        for held in self.strongest:
            if held.fresh or held.of or WRITES not in held.mode.conflicts:
                continue
            first = next(n for n, each in enumerate(self.statements) if _shuts(each, held.relation))
            rest = self.statements[first:] if self.transactional else self.statements[first : first + 1]
            yield LockWindow(held, rest[0].line, rest)


def strongest(locks: Iterable[Held]) -> tuple[Held, ...]:
    """The strongest lock on each relation, in descending strength."""
    best: dict[str, Held] = {}
    for held in locks:
        before = best.get(held.relation)
        if before is None or held.mode > before.mode:
            best[held.relation] = held
    return tuple(sorted(best.values(), key=lambda held: (-held.mode, held.relation)))


def what_it_blocks(mode: LockMode) -> str:
    """What a lock of this mode blocks in other sessions, as text; empty if it blocks nothing that they notice."""
    if READS in mode.conflicts:
        return "reads and writes"
    if WRITES in mode.conflicts:
        return "writes"
    return "schema changes" if LockMode.SHARE_UPDATE_EXCLUSIVE in mode.conflicts else ""


def _shuts(statement: StatementImpact, relation: str) -> bool:
    return any(held.relation == relation and WRITES in held.mode.conflicts for held in statement.taken)
