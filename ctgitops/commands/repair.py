"""Repair: accept a fact into the ledger, on the record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ..core.ledger import CHANGES_NOTHING, Entry, Ledger, Mark
from ..core.migration import Migration
from ..core.progress import Listener
from ..core.request import Request
from ..errors import UsageError
from ..ports import Databases


class Fact(StrEnum):
    """What a person saw in the database."""

    APPLIED = "applied"
    NOT_APPLIED = "not-applied"


@dataclass(frozen=True)
class Correction:
    """Migration `number` is, or is not, in the database as its file says, and how somebody knows."""

    number: int
    fact: Fact
    reason: str


def repair(request: Request, correction: Correction, *, databases: Databases, tell: Listener) -> Entry:
    """Add an entry that says what is true; no SQL of a migration is run. Raises UsageError. Writes."""
    if not correction.reason.strip():
        raise UsageError(
            "a repair needs a reason", hint='say how you know: `--reason "looked at the index: it is valid"`'
        )
    with databases.of(request.environment).exclusively(request, tell) as session:
        entry = repaired(session.ledger(), correction, request)
        session.record(entry)
        return entry


def repaired(ledger: Ledger, correction: Correction, request: Request) -> Entry:
    """The entry of a repair. Raises UsageError where there is nothing to repair."""
    number = correction.number
    known = ledger.unfinished.get(number) or ledger.applied.get(number) or _failed(ledger, correction)
    if known is None:
        has = ", ".join(f"{n:03}" for n in sorted({*ledger.applied, *ledger.unfinished})) or "none"
        what = f"migration {number:03} is neither applied nor unfinished in {request.environment.name}"
        raise UsageError(what, hint=f"what can be repaired there: {has}")
    if correction.fact is Fact.NOT_APPLIED:
        return _entry(request, correction, Entry(Mark.REPAIRED, known.name, number, known.version))
    migration = next((m for m in request.workspace.migrations if m.number == number), None)
    if migration is None:
        what = f"there is no file of migration {number:03}, so nobody can say what is applied"
        raise UsageError(what, hint=f"restore migrations/{known.name}.sql, or use `--not-applied`")
    as_its_file = number in ledger.applied and known.checksum == migration.checksum
    if number not in ledger.unfinished and as_its_file:
        raise UsageError(f"{migration.name} is applied as its file says", hint="there is nothing to repair")
    return _entry(request, correction, _as_the_file_says(migration))


def _failed(ledger: Ledger, correction: Correction) -> Entry | None:
    """An attempt that left no trace, after which somebody did by hand what the file says."""
    if correction.fact is Fact.NOT_APPLIED:
        return None
    return next((e for e in ledger.entries if e.number == correction.number and e.mark in CHANGES_NOTHING), None)


def _as_the_file_says(migration: Migration) -> Entry:
    return Entry(
        mark=Mark.REPAIRED,
        name=migration.name,
        number=migration.number,
        version=str(migration.version) if migration.version else None,
        checksum=migration.checksum,
        sql=migration.up.sql,
        rollback_sql=migration.down.sql if migration.down else None,
    )


def _entry(request: Request, correction: Correction, fact: Entry) -> Entry:
    origin = request.origin
    return replace(
        fact,
        started_at=request.now,
        finished_at=request.now,
        error=correction.reason.strip(),
        actor=origin.actor or None,
        commit_sha=origin.commit_sha or None,
        pull_request=origin.pull_request,
        run_url=origin.run_url or None,
    )
