"""What statements of one transaction did: after each, its session is asked what it has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ..core.impact import StatementImpact
from ..sql.locks import LockMode
from .connect import Connection
from .debug import proofs_in
from .evidence import Evidence, held_on, worked
from .mine import Mine, Possessions, called, scanned
from .relations import Relation, foreign_keys, relations


class OneTransaction:
    """A transaction on `connection`; to `others` the relations of before it are visible, some of them `first`."""

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
        self._met: set[int] = set()
        self._known: dict[int, Relation] = {}
        self._only = before
        """Where others could see more than was there before the migration: what was."""
        self._possessions = Possessions(connection)
        self._scans: dict[int, int] | None = None

    @contextmanager
    def watching(
        self, kind: str, line: int, said: Sequence[str], tell: Callable[[StatementImpact], None]
    ) -> Iterator[None]:
        """Around one statement; tells what it did, unless it fails."""
        if self._scans is None:
            self._scans = scanned(self._connection)
        began = time.perf_counter()
        yield
        millis = (time.perf_counter() - began) * 1000
        new = self._possessions.look()
        self._learn(new)
        tell(self._impact(new, self._evidence(kind, tuple(said), new, self._scans), line, millis))
        now = self._possessions.now
        self._scans |= {oid: now[oid].scans for oid in new if oid in now}

    def _evidence(
        self, kind: str, said: tuple[str, ...], new: Mapping[int, Mine | None], scans: Mapping[int, int]
    ) -> Evidence:
        known = self._known
        files = {oid: before.file if before else known[oid].file for oid, before in new.items() if oid in known}
        evidence = Evidence(kind, said, known, self._possessions.now, files, scans)
        return replace(evidence, called=self._called(names)) if (names := evidence.tables) else evidence

    def _called(self, names: set[str]) -> frozenset[tuple[int, str]]:
        """Who has one of these names now, or had it before this transaction."""
        before = {(oid, relation.bare) for oid, relation in self._known.items() if relation.bare in names}
        return frozenset(before | called(self._connection, names))

    def _impact(self, new: Mapping[int, Mine | None], evidence: Evidence, line: int, millis: float) -> StatementImpact:
        now, first = evidence.now, self._first
        taken = {
            oid: now[oid].modes - (before.modes if before else frozenset()) for oid, before in new.items() if oid in now
        }
        keys = foreign_keys(self._connection, names) if (names := evidence.foreign_keys) else []
        done = worked(evidence, keys, first)
        return StatementImpact(
            line,
            taken=held_on({oid: max(modes) for oid, modes in taken.items() if modes}, self._known, first),
            held=held_on(self._modes_on({each.relation for each in done}), self._known, first) if done else (),
            worked=done,
            proved=proofs_in(evidence.said),
            millis=millis,
        )

    def _modes_on(self, tables: set[str]) -> dict[int, LockMode]:
        """By OID, the strongest lock on each of these and their indexes, whichever statement took it."""
        now, known = self._possessions.now, self._known
        return {oid: now[oid].strongest for oid, each in known.items() if oid in now and {each.name, each.of} & tables}

    def _learn(self, now: Iterable[int]) -> None:
        """What others know of the relations that this transaction meets for the first time."""
        met = set(now) - self._met
        if not met:
            return
        there = relations(self._others, met) if self._only is None else self._only
        self._known |= {oid: there[oid] for oid in met if oid in there}
        self._met |= met
