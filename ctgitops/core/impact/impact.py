"""The impact of a migration on existing relations: the locks and the work that the trial measured. Pure.

The most important case is a statement that reads, rewrites or indexes a whole relation while its transaction holds a
lock that blocks writes. On a large table, the statement takes long, and all writes to the table wait for its commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ...sql.locks import LockMode

if TYPE_CHECKING:
    from .query import Node

READS, WRITES = LockMode.ACCESS_SHARE, LockMode.ROW_EXCLUSIVE


class Work(StrEnum):
    """Work on a whole relation. The work's duration grows with the number of rows."""

    REWRITE = "rewrites"
    EMPTY = "empties"
    """TRUNCATE: the table gets a new, empty file."""
    SCAN = "reads all of"
    FOREIGN_KEY = "checks a foreign key of"
    INDEX = "builds an index on"


@dataclass(frozen=True)
class Held:
    """The strongest lock that a transaction holds on a relation."""

    relation: str
    """The qualified name, such as `public.projects`, quoted as SQL requires."""
    mode: LockMode
    kind: str = "table"
    """`table`, `index`, `sequence`, `view`, `materialized view` or `foreign table`."""
    of: str = ""
    """The table of an index. Empty for other relations. Reads and writes of the table also lock its indexes."""
    fresh: bool = False
    """Whether an earlier migration of the same plan created the relation. No other session uses this relation yet."""

    @property
    def table(self) -> str:
        """The table that the lock affects: the table of an index, otherwise the relation itself."""
        return self.of or self.relation

    @property
    def blocks(self) -> str:
        """The operations of other sessions that the lock blocks, as text. Empty if the lock blocks none."""
        return "other refreshes" if self.only_refreshes else what_it_blocks(self.mode)

    @property
    def only_refreshes(self) -> bool:
        """Whether the lock blocks only REFRESH. Nothing else writes to a materialized view."""
        return self.kind == "materialized view" and what_it_blocks(self.mode) == "writes"


@dataclass(frozen=True)
class RelationWork:
    """The work of a statement on a whole relation."""

    work: Work
    relation: str
    what: str = ""
    """The index or foreign key that the work concerns. Empty for work on the table itself."""
    fresh: bool = False


@dataclass(frozen=True)
class StatementImpact:
    """The locks and the work of one statement."""

    line: int
    """The line of the statement in the file."""
    taken: tuple[Held, ...] = ()
    """The locks that the statement took. Contains only the strongest lock on each relation."""
    held: tuple[Held, ...] = ()
    """The locks on the relations that the statement worked on. The transaction holds these locks at the statement's
    end."""
    worked: tuple[RelationWork, ...] = ()
    proved: tuple[str, ...] = ()
    """The messages in which PostgreSQL reports a constraint that it proved without reading rows."""
    concurrent: bool = False
    """Whether the statement, such as CREATE INDEX CONCURRENTLY, waits for other sessions instead of blocking them."""
    millis: float = 0.0
    """The statement's duration in milliseconds on the throw-away server, whose tables are empty or small."""
    queries: tuple[Node, ...] = ()
    """The plans of the queries that the statement ran, including queries in DO blocks and functions."""
    filled: tuple[str, ...] = ()
    """The tables that the statement created and filled from a query."""
    unmeasured: tuple[str, ...] = ()
    """The relations whose reads were not measured: the query has no plan, or decides which other statements run."""

    @property
    def blocking(self) -> tuple[RelationWork, ...]:
        """The work that the statement does under locks that block writes."""
        if self.concurrent:
            return ()
        shut = {held.table for held in self.held if WRITES in held.mode.conflicts and not held.only_refreshes}
        return tuple(work for work in self.worked if work.relation in shut)

    batch: int = 0
    """The rows per transaction of a statement that runs in batches. 0 for any other statement."""

    @property
    def tables(self) -> tuple[str, ...]:
        """The existing relations whose size determines the statement's duration."""
        queried = (node.relation for plan in self.queries for node in plan.walk() if node.relation and not node.fresh)
        return (*(work.relation for work in self.worked if not work.fresh), *queried, *self.unmeasured)

    @property
    def blocks_writes_while_it_works(self) -> bool:
        """Whether the statement rewrites, scans, checks keys or builds indexes while its lock blocks writes."""
        return bool(self.blocking)


@dataclass(frozen=True)
class LockWindow:
    """The time during which a lock blocks writes. It lasts from the statement that takes the lock to the commit."""

    held: Held
    line: int
    """The line of the statement that takes the lock."""
    during: tuple[StatementImpact, ...]
    """The statements that run while the lock is held: the statement that takes the lock, and all later statements."""

    @property
    def worked_on(self) -> tuple[str, ...]:
        """The existing relations that these statements work on."""
        return tuple(dict.fromkeys(table for each in self.during for table in each.tables))


@dataclass(frozen=True)
class StepImpact:
    """The locks and the work of one migration, by statement."""

    statements: tuple[StatementImpact, ...] = ()
    transactional: bool = True
    """Whether the migration holds all locks until its end. Otherwise, each statement releases its own locks."""

    @cached_property
    def strongest(self) -> tuple[Held, ...]:
        """The strongest lock on each relation, in descending strength."""
        return strongest(held for statement in self.statements for held in statement.taken)

    @property
    def windows(self) -> tuple[LockWindow, ...]:
        """The locks on existing tables that block writes, each with the statements that run under the lock."""
        return tuple(self._windows())

    @property
    def blocks_writes_while_it_works(self) -> bool:
        """Whether any statement of the migration works on a relation under a lock that blocks writes."""
        return any(statement.blocks_writes_while_it_works for statement in self.statements)

    def _windows(self) -> Iterator[LockWindow]:
        for held in self.strongest:
            if held.fresh or held.of or held.only_refreshes or WRITES not in held.mode.conflicts:
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
    """The operations of other sessions that a lock of this mode blocks, as text. Empty if the mode blocks none."""
    if READS in mode.conflicts:
        return "reads and writes"
    if WRITES in mode.conflicts:
        return "writes"
    return "schema changes" if LockMode.SHARE_UPDATE_EXCLUSIVE in mode.conflicts else ""


def _shuts(statement: StatementImpact, relation: str) -> bool:
    return any(held.relation == relation and WRITES in held.mode.conflicts for held in statement.taken)
