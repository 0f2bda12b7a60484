"""Traces a statement that cannot run in a transaction. Samples its locks, and compares relfilenodes afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...core.impact.impact import RelationWork, StatementImpact, Work
from ...errors import LedgerError
from ...sql.interruption import LeftoverKind
from ...sql.locks import LockMode
from ..catalog.relations import Relation, named_by, relations
from ..server.auto_explain import active
from .debug1 import proofs_in, work_in
from .lock_sampling import Sampler
from .observed_work import held_on, named
from .query_plans import is_plan
from .statement_queries import QUERIES, TracedStatement, queried

if TYPE_CHECKING:
    from ...sql.parse import Statement
    from ..connection.connect import Connection

_BLOCKS = frozenset({"DoStmt", "CallStmt"})


@dataclass(frozen=True)
class NonTransactionalTracer:
    """Observes statements on `connection` that cannot run in a transaction. Observes from other connections.

    `there` contains the OIDs of relations from before the migration. `first` contains those from before the plan.
    """

    connection: Connection
    others: Connection
    open_connection: Callable[[], Connection]
    there: Collection[int]
    first: frozenset[int]

    @contextmanager
    def watching(
        self, statement: Statement, ran: TracedStatement, said: Sequence[str], tell: Callable[[StatementImpact], None]
    ) -> Iterator[None]:
        """Observes one statement. If the statement succeeds, passes its impact to `tell`."""
        before = {oid: each for oid, each in relations(self.others).items() if oid in self.there}
        named_oids = [oid for oid in named_by(self.connection, statement.locks) if oid in before]
        tables = [before[oid].index_of or oid for oid in named_oids]
        sampler = Sampler(self.open_connection, self.connection.info.backend_pid, tables)
        sampler.start()
        began = time.perf_counter()
        try:
            yield
        finally:
            millis = (time.perf_counter() - began) * 1000
            modes = sampler.stop()
        if sampler.failure:
            said = " ".join(str(sampler.failure).split())
            raise LedgerError(f"lock tracing of a statement stopped early: {said}")
        if statement.leftovers and statement.leftovers.what is LeftoverKind.DETACHED:
            modes |= dict.fromkeys(named_oids[1:], LockMode.ACCESS_EXCLUSIVE)  # DETACH locks the partition last
        plans = tuple(filter(is_plan, said))
        concurrent = "CONCURRENTLY" in statement.refused_in_transaction
        rewritten = _rewritten(before, relations(self.others))
        found = [*_reported_work(said, before, modes), *_of_files(rewritten, before)]
        built = {oid for oid, each in found if each.work is Work.INDEX}
        modes = _concurrent(modes, before) if concurrent else _least(modes, rewritten, built)
        held, worked = held_on(modes, before, self.first), named(found, before, self.first)
        impact = StatementImpact(ran.line, held, held, worked, proofs_in(said), concurrent, millis)
        met = {oid: before[oid] for oid in (*modes, *named_oids) if oid in before}
        if ran.kind in _BLOCKS and not active(self.connection):
            met |= _named_in(ran.sql, before)
        tell(self._with_queries(impact, ran, plans, met))

    def _with_queries(
        self, impact: StatementImpact, ran: TracedStatement, plans: Sequence[str], met: dict[int, Relation]
    ) -> StatementImpact:
        """Adds the statement's queries. Without query plans, every table that it names or locks counts as read."""
        done = queried(self.connection, ran, plans, [])
        read = [oid for oid, each in met.items() if each.has_rows] if ran.kind in QUERIES and not done.plans else []
        known = relations(self.others, done.names) | met
        unmeasured = done.unmeasured(read, known)
        return replace(impact, queries=done.plans_of(known, self.first), unmeasured=unmeasured, batch=ran.batch)


def _named_in(sql: str, before: dict[int, Relation]) -> dict[int, Relation]:
    """The tables that a block names. If it names none, all tables, because it may run functions or dynamic SQL."""
    tables = {oid: each for oid, each in before.items() if each.has_rows}
    return {oid: each for oid, each in tables.items() if each.bare in sql} or tables


def _rewritten(before: dict[int, Relation], after: dict[int, Relation]) -> set[int]:
    return {oid for oid, each in before.items() if oid in after and each.file != after[oid].file}


def _concurrent(seen: dict[int, LockMode], before: dict[int, Relation]) -> dict[int, LockMode]:
    """The locks without those on indexes. Even ACCESS EXCLUSIVE on an unused index blocks no other session."""
    return {oid: mode for oid, mode in seen.items() if oid in before and before[oid].kind != "index"}


def _least(seen: dict[int, LockMode], rewritten: set[int], built: set[int]) -> dict[int, LockMode]:
    """The observed locks, and the locks that the work requires: ACCESS EXCLUSIVE for a new file, SHARE for an index."""
    for oid in built:
        seen[oid] = max(LockMode.SHARE, seen.get(oid, LockMode.SHARE))
    return seen | dict.fromkeys(rewritten, LockMode.ACCESS_EXCLUSIVE)


def _reported_work(
    said: Sequence[str], before: dict[int, Relation], modes: dict[int, LockMode]
) -> Iterator[tuple[int, RelationWork]]:
    for each in work_in(said):
        same = [oid for oid, relation in before.items() if relation.bare == each.table and relation.has_rows]
        yield from (
            (oid, RelationWork(each.work, "", each.what)) for oid in ([oid for oid in same if oid in modes] or same)
        )


def _of_files(rewritten: set[int], before: dict[int, Relation]) -> Iterator[tuple[int, RelationWork]]:
    for oid in rewritten:
        relation = before[oid]
        if relation.has_rows:
            yield oid, RelationWork(Work.REWRITE, "")
        elif relation.index_of in before and relation.index_of not in rewritten:
            yield relation.index_of, RelationWork(Work.INDEX, "", relation.bare)
