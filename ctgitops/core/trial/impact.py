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

READS, WRITES = LockMode.ACCESS_SHARE, LockMode.ROW_EXCLUSIVE


class Work(StrEnum):
    """What takes the longer the more rows there are."""

    REWRITE = "rewrites"
    EMPTY = "empties"
    """TRUNCATE: a new, empty file."""
    SCAN = "reads all of"
    FOREIGN_KEY = "checks a foreign key of"
    INDEX = "builds an index on"


@dataclass(frozen=True)
class Held:
    """The strongest lock that a transaction has on a relation."""

    relation: str
    """`public.projects`, quoted where SQL needs it."""
    mode: LockMode
    kind: str = "table"
    """`table`, `index`, `sequence`, `view`, `materialized view` or `foreign table`."""
    of: str = ""
    """The table, where the relation is an index: who reads or writes that needs the index too."""
    fresh: bool = False
    """Made by an earlier migration of the same plan, so that nobody is used to it."""

    @property
    def table(self) -> str:
        """Who is kept from what: the table of an index, otherwise the relation itself."""
        return self.of or self.relation

    @property
    def blocks(self) -> str:
        """What others cannot do meanwhile, in words; empty where nobody notices."""
        return what_it_blocks(self.mode)


@dataclass(frozen=True)
class Worked:
    """Work on all of a relation."""

    work: Work
    relation: str
    what: str = ""
    """The index or the foreign key."""
    fresh: bool = False


@dataclass(frozen=True)
class StatementImpact:
    """What one statement did."""

    line: int
    """Of its file."""
    taken: tuple[Held, ...] = ()
    """Locks that it took, each relation once."""
    held: tuple[Held, ...] = ()
    """On what it worked on, all that its transaction had when it was done, those of statements before it too."""
    worked: tuple[Worked, ...] = ()
    proved: tuple[str, ...] = ()
    """What PostgreSQL did not have to look at any row for, in its own words."""
    concurrent: bool = False
    """It waits for others, not they for it."""
    millis: float = 0.0
    """On the throw-away server, whose tables are empty or small."""

    @property
    def blocking(self) -> tuple[Worked, ...]:
        """Its work that keeps writers out until it is done."""
        if self.concurrent:
            return ()
        shut = {held.table for held in self.held if WRITES in held.mode.conflicts}
        return tuple(work for work in self.worked if work.relation in shut)

    @property
    def blocks_writes_while_it_works(self) -> bool:
        """A rewrite, a scan, the check of a foreign key or the build of an index, under a lock that blocks writes."""
        return bool(self.blocking)


@dataclass(frozen=True)
class LockWindow:
    """A lock that blocks writes, from the statement that takes it until the commit."""

    held: Held
    line: int
    """Of the statement that takes it."""
    during: tuple[StatementImpact, ...]
    """That one, and those that come behind it and prolong it."""

    @property
    def worked_on(self) -> tuple[Worked, ...]:
        """The work on all of a relation meanwhile; not on those that the same plan made, which are small."""
        return tuple(work for each in self.during for work in each.worked if not work.fresh)


@dataclass(frozen=True)
class StepImpact:
    """What one migration did, statement by statement."""

    statements: tuple[StatementImpact, ...] = ()
    transactional: bool = True
    """All locks are held until its end; otherwise each statement's own until that statement's end."""

    @cached_property
    def strongest(self) -> tuple[Held, ...]:
        """Of each relation the strongest lock, the strongest first."""
        return strongest(held for statement in self.statements for held in statement.taken)

    @property
    def windows(self) -> tuple[LockWindow, ...]:
        """Each table that nobody else writes, reads or both for a while; what the same plan made is left out."""
        return tuple(self._windows())

    @property
    def blocks_writes_while_it_works(self) -> bool:
        """Whether any of its statements does."""
        return any(statement.blocks_writes_while_it_works for statement in self.statements)

    def _windows(self) -> Iterator[LockWindow]:
        for held in self.strongest:
            if held.fresh or held.of or WRITES not in held.mode.conflicts:
                continue
            first = next(n for n, each in enumerate(self.statements) if _shuts(each, held.relation))
            rest = self.statements[first:] if self.transactional else self.statements[first : first + 1]
            yield LockWindow(held, rest[0].line, rest)


def strongest(locks: Iterable[Held]) -> tuple[Held, ...]:
    """Each relation once, with the strongest of its locks; the strongest first."""
    best: dict[str, Held] = {}
    for held in locks:
        before = best.get(held.relation)
        if before is None or held.mode > before.mode:
            best[held.relation] = held
    return tuple(sorted(best.values(), key=lambda held: (-held.mode, held.relation)))


def what_it_blocks(mode: LockMode) -> str:
    """What others cannot do while somebody has such a lock, in words; empty where nobody notices."""
    if READS in mode.conflicts:
        return "reads and writes"
    if WRITES in mode.conflicts:
        return "writes"
    return "schema changes" if LockMode.SHARE_UPDATE_EXCLUSIVE in mode.conflicts else ""


def _shuts(statement: StatementImpact, relation: str) -> bool:
    return any(held.relation == relation and WRITES in held.mode.conflicts for held in statement.taken)
