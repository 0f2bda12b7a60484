"""What statements of one transaction did: after each, its session is asked what it has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ..core.impact import StatementImpact
from ..sql.locks import LockMode
from .connect import Connection
from .debug import proofs_in
from .evidence import Evidence, held_on, worked
from .relations import Mine, Relation, foreign_keys, mine, relations, scanned


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
        self._known: dict[int, Relation | None] = {}
        self._only = before
        """Where others could see more than was there before the migration: what was."""
        self._modes: dict[int, frozenset[LockMode]] = {}
        self._files: dict[int, int] = {}
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
        now = mine(self._connection)
        self._learn(now)
        tell(self._impact(now, Evidence(kind, tuple(said), self._seen, now, self._files, self._scans), line, millis))
        self._modes = {oid: each.modes for oid, each in now.items()}
        self._files |= {oid: each.file for oid, each in now.items()}
        self._scans |= {oid: each.scans for oid, each in now.items()}

    @property
    def _seen(self) -> dict[int, Relation]:
        return {oid: relation for oid, relation in self._known.items() if relation}

    def _impact(self, now: dict[int, Mine], evidence: Evidence, line: int, millis: float) -> StatementImpact:
        taken = {oid: each.modes - self._modes.get(oid, frozenset()) for oid, each in now.items()}
        keys = foreign_keys(self._connection, names) if (names := evidence.foreign_keys) else []
        return StatementImpact(
            line,
            taken=held_on({oid: max(modes) for oid, modes in taken.items() if modes}, self._seen, self._first),
            held=held_on({oid: max(each.modes) for oid, each in now.items()}, self._seen, self._first),
            worked=worked(evidence, keys, self._first),
            proved=proofs_in(evidence.said),
            millis=millis,
        )

    def _learn(self, now: Mapping[int, Mine]) -> None:
        """What others know of the relations that this transaction meets for the first time; None: nothing."""
        met = [oid for oid in now if oid not in self._known]
        if not met:
            return
        there = relations(self._others, met) if self._only is None else self._only
        self._known |= {oid: there.get(oid) for oid in met}
        self._files |= {oid: there[oid].file for oid in met if oid in there}
