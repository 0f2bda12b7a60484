"""Derives a statement's rewrites, scans and index builds from observations made while it ran."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...core.impact.impact import Held, RelationWork, Work
from ...sql.locks import LockMode
from .debug1 import Debug1Message, foreign_keys_in, work_in
from .statement_queries import QUERIES

if TYPE_CHECKING:
    from ..catalog.relations import Relation
    from .own_locks import HeldLock

_OF_QUERIES = frozenset({LockMode.ACCESS_SHARE, LockMode.ROW_SHARE, LockMode.ROW_EXCLUSIVE})


@dataclass(frozen=True)
class Evidence:
    """Observations about a statement in a transaction: PostgreSQL's messages, and the locks after the statement."""

    kind: str
    said: tuple[str, ...]
    known: Mapping[int, Relation]
    """Maps OIDs to the relations that other sessions can see."""
    now: Mapping[int, HeldLock]
    files: Mapping[int, int]
    """Maps OIDs to the relfilenodes before the statement. Contains relations whose locks or scan counts changed."""
    scans: Mapping[int, int]
    """Maps OIDs to the number of full scans of each relation before the statement."""
    called: frozenset[tuple[int, str]] = frozenset()
    """OID and unqualified name of each relation that a message may refer to."""

    def read(self, oid: int) -> bool:
        """Whether the statement started a full scan of the relation."""
        return oid in self.now and self.now[oid].scans > self.scans.get(oid, 0)

    def queried(self, done: Iterable[RelationWork]) -> frozenset[int]:
        """Tables that a query of the statement scanned, fully or by an index. Leaves out tables in `done`."""
        if self.kind not in QUERIES:
            return frozenset()
        names = {each.relation for each in done}
        read = {self.known[oid].index_of or oid for oid in self.files if self.read(oid)}
        return frozenset(oid for oid in read if oid in self.known and self.known[oid].name not in names)


def held_on(modes: Mapping[int, LockMode], known: Mapping[int, Relation], first: frozenset[int]) -> tuple[Held, ...]:
    """The locks on relations that other sessions can see. Leaves out an index unless its table has a weaker lock."""
    found = []
    for oid, mode in modes.items():
        relation = known.get(oid)
        table = modes.get(relation.index_of) if relation else None
        if relation and (table is None or table < mode):
            found.append(Held(relation.name, mode, relation.kind, relation.of, fresh=oid not in first))
    return tuple(sorted(found, key=lambda held: (-held.mode, held.relation)))


def worked(evidence: Evidence, keys: Iterable[tuple[str, int, int]], first: frozenset[int]) -> tuple[RelationWork, ...]:
    """The work of a statement on visible relations, without duplicates. `keys` are candidate foreign keys."""
    checked = list(_checked(evidence, keys))
    found = [
        *_reported_work(evidence),
        *((child, RelationWork(Work.FOREIGN_KEY, "", name)) for child, _, name in checked),
    ]
    files = list(_rewritten(evidence, {oid for oid, each in found if each.work is Work.REWRITE}))
    done = {oid for oid, _ in (*found, *files)} | {parent for _, parent, _ in checked}
    scans = [(oid, RelationWork(Work.SCAN, "")) for oid in _read(evidence) if oid not in done]
    return named(((*found, *files, *scans)), evidence.known, first)


def named(
    found: Iterable[tuple[int, RelationWork]], known: Mapping[int, Relation], first: frozenset[int]
) -> tuple[RelationWork, ...]:
    """Removes duplicates, and index builds that are part of a table rewrite. Adds relation names."""
    found = list(found)
    rewritten = {oid for oid, each in found if each.work in {Work.REWRITE, Work.EMPTY}}
    left = ((oid, each) for oid, each in found if each.work is not Work.INDEX or oid not in rewritten)
    return tuple(dict.fromkeys(replace(each, relation=known[oid].name, fresh=oid not in first) for oid, each in left))


def _reported_work(evidence: Evidence) -> Iterator[tuple[int, RelationWork]]:
    for said in work_in(evidence.said):
        if said.table:
            for oid in _meant(said, evidence):
                yield oid, RelationWork(said.work, "", said.what)


def _meant(said: Debug1Message, evidence: Evidence) -> list[int]:
    """The relations that a message may refer to, because its names have no schema. Prefers scanned relations."""
    named = sorted(oid for oid, name in evidence.called if name == said.table and oid in evidence.now)
    locked = [oid for oid in named if evidence.now[oid].strongest >= LockMode.SHARE_UPDATE_EXCLUSIVE] or named
    read = [oid for oid in locked if evidence.read(oid)] or locked
    return [oid for oid in read if oid in evidence.known]


def _checked(evidence: Evidence, keys: Iterable[tuple[str, int, int]]) -> Iterator[tuple[int, int, str]]:
    """The foreign keys whose rows were checked, as tuples of the OIDs of both tables and the name."""
    there = [(child, parent, name) for name, child, parent in keys if child in evidence.now]
    for name in foreign_keys_in(evidence.said):
        named = [each for each in there if each[2] == name]
        read = [each for each in named if evidence.read(each[0])] or named
        yield from (each for each in read if each[0] in evidence.known)


def _rewritten(evidence: Evidence, rewritten: set[int]) -> Iterator[tuple[int, RelationWork]]:
    """Relations whose relfilenode changed. Leaves out the indexes of a rewritten table."""
    if evidence.kind == "TransactionStmt":
        return  # ROLLBACK TO restores the previous file
    now = {oid: evidence.now[oid].file for oid in evidence.files if oid in evidence.now}
    other = {oid for oid, file in now.items() if file not in {0, evidence.files[oid]}}
    work = Work.EMPTY if evidence.kind == "TruncateStmt" else Work.REWRITE
    for oid in sorted(other):
        relation = evidence.known[oid]
        if relation.has_rows and oid not in rewritten:
            yield oid, RelationWork(work, "")
        elif relation.index_of in evidence.known and relation.index_of not in other | rewritten:
            yield relation.index_of, RelationWork(Work.INDEX, "", relation.bare)


def _read(evidence: Evidence) -> Iterator[int]:
    """Relations that were scanned under a lock that blocks writers. Leaves out scans by a query.

    PostgreSQL sends no message when it checks rows for a new constraint of a domain, or for a new partition beside a
    default partition. This function finds these scans.
    """
    for oid in evidence.files:
        each = evidence.now.get(oid)
        if each is None or each.strongest < LockMode.SHARE:
            continue
        if not evidence.known[oid].has_rows or not evidence.read(oid):
            continue
        if evidence.kind not in QUERIES or not each.modes & _OF_QUERIES:
            yield oid
