"""Traces the statements of one transaction. Queries the transaction's own session after each statement.

Runs only this query between two statements. At the end, another session is queried once for the relations that other
sessions see.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...core.impact.impact import RelationWork, StatementImpact
from ..catalog.relations import Relation, foreign_keys, relations
from .debug1 import foreign_keys_in, proofs_in, tables_in, telling, work_in
from .observed_work import Evidence, held_on, worked
from .own_locks import HeldLock, HeldLocks, called, scanned
from .query_plans import is_plan
from .statement_queries import TracedQueries, TracedStatement, queried

if TYPE_CHECKING:
    from ...sql.locks import LockMode
    from ..connection.connect import Connection


@dataclass(frozen=True)
class StatementTrace:
    """Observations about a statement from inside its transaction."""

    kind: str
    line: int
    said: tuple[str, ...]
    millis: float
    new: Mapping[int, HeldLock | None]
    """Maps OIDs to the locks after the statement. Maps an OID whose locks all ended to None.

    Contains only relations whose locks changed.
    """
    called: frozenset[tuple[int, str]]
    """OID and name of each relation that a message names."""
    keys: tuple[tuple[str, int, int], ...]
    """The foreign keys that a message names."""
    queried: TracedQueries


class TransactionTracer:
    """A transaction on `connection`. `others` sees what existed before it. `first` is what existed before the plan."""

    def __init__(
        self,
        connection: Connection,
        others: Connection,
        first: frozenset[int],
        before: Mapping[int, Relation] | None = None,
    ) -> None:
        self._connection = connection
        self._others = others
        self._first = first
        self._only = before
        """The relations from before the migration. None if `others` sees no newer relations."""
        self._held_locks = HeldLocks(connection)
        self._scans: dict[int, int] | None = None
        self._seen: list[StatementTrace] = []
        self._met: set[int] = set()
        self._filled: dict[str, str] = {}
        """Maps names without schema to the tables that the transaction created and filled from a query."""

    @contextmanager
    def watching(self, ran: TracedStatement, said: Sequence[str]) -> Iterator[None]:
        """Observes one statement. A failed statement is not recorded."""
        if self._scans is None:
            self._scans = scanned(self._connection)
        began = time.perf_counter()
        yield
        millis = (time.perf_counter() - began) * 1000
        plans, heard = tuple(filter(is_plan, said)), telling(said)
        new = self._held_locks.changes()
        first = [oid for oid, mine in new.items() if mine and oid not in self._met]
        self._met.update(first)
        ran_queries = queried(self._connection, ran, plans, first)
        names = called(self._connection, tables) if (tables := tables_in(heard)) else set()
        keys = foreign_keys(self._connection, checked) if (checked := foreign_keys_in(heard)) else []
        self._seen.append(
            StatementTrace(ran.kind, ran.line, heard, millis, new, frozenset(names), tuple(keys), ran_queries)
        )

    def impacts(self) -> Iterator[StatementImpact]:
        """The impact of each statement. Queries `others`, so the transaction must still be open."""
        met = {oid for seen in self._seen for oid in seen.new}
        there = relations(self._others, met) if self._only is None else self._only
        known = {oid: there[oid] for oid in met if oid in there}
        now: dict[int, HeldLock] = {}
        scans = dict(self._scans or {})
        for seen in self._seen:
            before = {oid: mine for oid in seen.new if (mine := now.pop(oid, None))}
            now |= {oid: mine for oid, mine in seen.new.items() if mine}
            yield self._impact(seen, _evidence(seen, known, now, before, scans), before)
            scans |= {oid: now[oid].scans for oid in seen.new if oid in now}

    def _impact(self, seen: StatementTrace, evidence: Evidence, before: Mapping[int, HeldLock]) -> StatementImpact:
        now, known, first = evidence.now, evidence.known, self._first
        taken = {
            oid: mine.modes - (before[oid].modes if oid in before else set()) for oid, mine in seen.new.items() if mine
        }
        done = worked(evidence, seen.keys, first)
        made = tuple(self._on_filled(seen.said))
        filled = seen.queried.filled(known)
        self._filled |= {name.split(".", 1)[-1]: name for name in filled}
        modes = _modes_on({each.relation for each in done}, now, known) if done else {}
        return StatementImpact(
            seen.line,
            taken=held_on({oid: max(modes) for oid, modes in taken.items() if modes}, known, first),
            held=held_on(modes, known, first),
            worked=(*done, *made),
            proved=proofs_in(seen.said),
            millis=seen.millis,
            queries=seen.queried.plans_of(known, first),
            filled=filled,
            unmeasured=seen.queried.unmeasured(evidence.queried(done), known),
        )

    def _on_filled(self, said: Sequence[str]) -> Iterator[RelationWork]:
        """The work on tables that the transaction itself created and filled from a query."""
        for each in work_in(said):
            if each.table in self._filled:
                yield RelationWork(each.work, self._filled[each.table], each.what, fresh=True)


def _evidence(
    seen: StatementTrace,
    known: Mapping[int, Relation],
    now: Mapping[int, HeldLock],
    before: Mapping[int, HeldLock],
    scans: Mapping[int, int],
) -> Evidence:
    files = {oid: (before[oid].file if oid in before else 0) or known[oid].file for oid in seen.new if oid in known}
    meant = seen.called
    if names := tables_in(seen.said):  # a relation that a message names may have been renamed since
        meant |= {(oid, each.bare) for oid, each in known.items() if each.bare in names}
    return Evidence(seen.kind, seen.said, known, now, files, scans, meant)


def _modes_on(tables: set[str], now: Mapping[int, HeldLock], known: Mapping[int, Relation]) -> dict[int, LockMode]:
    """Maps OIDs to the strongest lock on each table in `tables` and on its indexes, whichever statement took it."""
    return {oid: now[oid].strongest for oid, each in known.items() if oid in now and {each.name, each.of} & tables}
