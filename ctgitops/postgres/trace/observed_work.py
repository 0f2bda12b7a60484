"""Derives the rewrites, scans and index builds of a statement from what was observed while it ran."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ...core.trial.impact import Held, Work, Worked
from ...sql.locks import LockMode
from ..catalog.relations import Relation
from .debug1 import Said, foreign_keys_in, work_in
from .own_locks import HeldLock

_QUERIES = frozenset(
    {"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CopyStmt", "ExecuteStmt"}
    | {"DoStmt", "CallStmt", "CreateTableAsStmt", "RefreshMatViewStmt"}
)
"""Statements that may read a table as a query does, which is no work of DDL."""
_OF_QUERIES = frozenset({LockMode.ACCESS_SHARE, LockMode.ROW_SHARE, LockMode.ROW_EXCLUSIVE})


@dataclass(frozen=True)
class Evidence:
    """A statement in a transaction: what PostgreSQL said, and what its session has since."""

    kind: str
    said: tuple[str, ...]
    known: Mapping[int, Relation]
    """Relations that others can see, by OID."""
    now: Mapping[int, HeldLock]
    files: Mapping[int, int]
    """By OID, the file before the statement, of those that others can see and of which something is new since."""
    scans: Mapping[int, int]
    """By OID, how often all of it was read before the statement."""
    called: frozenset[tuple[int, str]] = frozenset()
    """OIDs of what is called as PostgreSQL said, each with that name, which is without a schema."""

    def read(self, oid: int) -> bool:
        """Whether the statement began to read all of it."""
        return oid in self.now and self.now[oid].scans > self.scans.get(oid, 0)


def held_on(modes: Mapping[int, LockMode], known: Mapping[int, Relation], first: frozenset[int]) -> tuple[Held, ...]:
    """Locks on what others can see; an index only where its table is not locked as strongly."""
    found = []
    for oid, mode in modes.items():
        relation = known.get(oid)
        table = modes.get(relation.index_of) if relation else None
        if relation and (table is None or table < mode):
            found.append(Held(relation.name, mode, relation.kind, relation.of, fresh=oid not in first))
    return tuple(sorted(found, key=lambda held: (-held.mode, held.relation)))


def worked(evidence: Evidence, keys: Iterable[tuple[str, int, int]], first: frozenset[int]) -> tuple[Worked, ...]:
    """The work of a statement on what others can see, each once. `keys` are the foreign keys that may be meant."""
    checked = list(_checked(evidence, keys))
    found = [*_told(evidence), *((child, Worked(Work.FOREIGN_KEY, "", name)) for child, _, name in checked)]
    files = list(_written_anew(evidence, {oid for oid, each in found if each.work is Work.REWRITE}))
    done = {oid for oid, _ in (*found, *files)} | {parent for _, parent, _ in checked}
    scans = [(oid, Worked(Work.SCAN, "")) for oid in _read(evidence) if oid not in done]
    return named(((*found, *files, *scans)), evidence.known, first)


def named(
    found: Iterable[tuple[int, Worked]], known: Mapping[int, Relation], first: frozenset[int]
) -> tuple[Worked, ...]:
    """Each once, with its relation. That a table written anew has its indexes built is no work of its own."""
    found = list(found)
    anew = {oid for oid, each in found if each.work in {Work.REWRITE, Work.EMPTY}}
    left = ((oid, each) for oid, each in found if each.work is not Work.INDEX or oid not in anew)
    return tuple(dict.fromkeys(replace(each, relation=known[oid].name, fresh=oid not in first) for oid, each in left))


def _told(evidence: Evidence) -> Iterator[tuple[int, Worked]]:
    for said in work_in(evidence.said):
        if said.table:
            for oid in _meant(said, evidence):
                yield oid, Worked(said.work, "", said.what)


def _meant(said: Said, evidence: Evidence) -> list[int]:
    """Which relation a message means by a name without a schema: of those of that name the one that was read."""
    named = sorted(oid for oid, name in evidence.called if name == said.table and oid in evidence.now)
    locked = [oid for oid in named if evidence.now[oid].strongest >= LockMode.SHARE_UPDATE_EXCLUSIVE] or named
    read = [oid for oid in locked if evidence.read(oid)] or locked
    return [oid for oid in read if oid in evidence.known]


def _checked(evidence: Evidence, keys: Iterable[tuple[str, int, int]]) -> Iterator[tuple[int, int, str]]:
    """The foreign keys whose rows were checked: the OIDs of both tables, and the name."""
    there = [(child, parent, name) for name, child, parent in keys if child in evidence.now]
    for name in foreign_keys_in(evidence.said):
        named = [each for each in there if each[2] == name]
        read = [each for each in named if evidence.read(each[0])] or named
        yield from (each for each in read if each[0] in evidence.known)


def _written_anew(evidence: Evidence, rewritten: set[int]) -> Iterator[tuple[int, Worked]]:
    """Relations that have another file than before; those of a table's indexes go with its own."""
    if evidence.kind == "TransactionStmt":
        return  # ROLLBACK TO gives back the file of before
    now = {oid: evidence.now[oid].file for oid in evidence.files if oid in evidence.now}
    other = {oid for oid, file in now.items() if file not in {0, evidence.files[oid]}}
    work = Work.EMPTY if evidence.kind == "TruncateStmt" else Work.REWRITE
    for oid in sorted(other):
        relation = evidence.known[oid]
        if relation.has_rows and oid not in rewritten:
            yield oid, Worked(work, "")
        elif relation.index_of in evidence.known and relation.index_of not in other | rewritten:
            yield relation.index_of, Worked(Work.INDEX, "", relation.bare)


def _read(evidence: Evidence) -> Iterator[int]:
    """What was read under a lock that keeps writers out, and not by a query.

    PostgreSQL has no message for the rows that a new constraint of a domain, or a new partition beside a default one,
    makes it look at.
    """
    for oid in evidence.files:
        each = evidence.now.get(oid)
        if each is None or each.strongest < LockMode.SHARE:
            continue
        if not evidence.known[oid].has_rows or not evidence.read(oid):
            continue
        if evidence.kind not in _QUERIES or not each.modes & _OF_QUERIES:
            yield oid
