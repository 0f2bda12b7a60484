"""Traces the statements of one transaction, by querying its own session after each of them.

Nothing else is queried between two statements. What other sessions see of the relations is queried once, at the end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ...core.trial.impact import StatementImpact
from ...sql.locks import LockMode
from ..catalog.relations import Relation, foreign_keys, relations
from ..connection.connect import Connection
from .debug1 import foreign_keys_in, proofs_in, tables_in, telling
from .observed_work import Evidence, held_on, worked
from .own_locks import HeldLock, HeldLocks, called, scanned


@dataclass(frozen=True)
class Seen:
    """A statement as observed from within its transaction."""

    kind: str
    line: int
    said: tuple[str, ...]
    millis: float
    new: Mapping[int, HeldLock | None]
    """By OID, the locks that the session has after the statement, if they changed."""
    called: frozenset[tuple[int, str]]
    """OID and name of relations with a name that a message contains."""
    keys: tuple[tuple[str, int, int], ...]
    """Foreign keys with a name that a message contains."""


class OneTransaction:
    """A transaction on `connection`; `others` sees the relations from before it, of which `first` predate the plan."""

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
        """The relations from before the migration, if `others` could see newer ones."""
        self._possessions = HeldLocks(connection)
        self._scans: dict[int, int] | None = None
        self._seen: list[Seen] = []

    @contextmanager
    def watching(self, kind: str, line: int, said: Sequence[str]) -> Iterator[None]:
        """Wraps one statement; a failed one is not recorded."""
        if self._scans is None:
            self._scans = scanned(self._connection)
        began = time.perf_counter()
        yield
        millis = (time.perf_counter() - began) * 1000
        heard, new = telling(said), self._possessions.look()
        names = called(self._connection, tables) if (tables := tables_in(heard)) else set()
        keys = foreign_keys(self._connection, checked) if (checked := foreign_keys_in(heard)) else []
        self._seen.append(Seen(kind, line, heard, millis, new, frozenset(names), tuple(keys)))

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

    def _impact(self, seen: Seen, evidence: Evidence, before: Mapping[int, HeldLock]) -> StatementImpact:
        now, known, first = evidence.now, evidence.known, self._first
        taken = {
            oid: mine.modes - (before[oid].modes if oid in before else set()) for oid, mine in seen.new.items() if mine
        }
        done = worked(evidence, seen.keys, first)
        modes = _modes_on({each.relation for each in done}, now, known) if done else {}
        return StatementImpact(
            seen.line,
            taken=held_on({oid: max(modes) for oid, modes in taken.items() if modes}, known, first),
            held=held_on(modes, known, first),
            worked=done,
            proved=proofs_in(seen.said),
            millis=seen.millis,
        )


def _evidence(
    seen: Seen,
    known: Mapping[int, Relation],
    now: Mapping[int, HeldLock],
    before: Mapping[int, HeldLock],
    scans: Mapping[int, int],
) -> Evidence:
    files = {oid: (before[oid].file if oid in before else 0) or known[oid].file for oid in seen.new if oid in known}
    meant = seen.called
    if names := tables_in(seen.said):  # a relation with such a name may have been renamed since
        meant |= {(oid, each.bare) for oid, each in known.items() if each.bare in names}
    return Evidence(seen.kind, seen.said, known, now, files, scans, meant)


def _modes_on(tables: set[str], now: Mapping[int, HeldLock], known: Mapping[int, Relation]) -> dict[int, LockMode]:
    """By OID, the strongest lock on each of these tables and their indexes, whichever statement took it."""
    return {oid: now[oid].strongest for oid, each in known.items() if oid in now and {each.name, each.of} & tables}
