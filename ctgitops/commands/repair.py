"""The command `repair`. Records in the ledger a fact that a user confirmed. Runs no SQL of a migration."""

from __future__ import annotations

import uuid
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from ..core.ledger.identity import Identity, identity_problems, refuse_wrong
from ..core.ledger.ledger import CHANGES_NOTHING, Entry, Ledger, Mark
from ..core.ledger.open_prediction import NAME as PREDICTION
from ..core.ledger.open_prediction import open_predictions
from ..core.ledger.resumption import ProgressState
from ..core.ledger.reversal import changes_in
from ..core.run.statement_repair import refuse_statement, unfinished_step
from ..core.workspace.candidates import file_of, of_all
from ..errors import UsageError
from ..lazy import dataclass
from .applying.in_step import join_in_step

if TYPE_CHECKING:
    from ..core.gate.request import Request
    from ..core.migration.migration import Migration
    from ..core.migration.selector import Selector
    from ..core.plan.plan import Step
    from ..core.run.progress import Listener
    from ..ports.database import Databases

HOME = "home"
"""The name of the ledger entry that `--adopt` writes. The entry belongs to no migration."""


class Fact(StrEnum):
    """The kind of fact that a user confirmed."""

    APPLIED = "applied"
    NOT_APPLIED = "not-applied"
    AGAIN = "again"
    """A rolled-back migration may be applied again."""


@dataclass(frozen=True)
class Correction:
    """A fact about a migration, and the user's reason."""

    migration: int | Selector
    fact: Fact
    reason: str
    statement: int | None = None
    """The position of the statement that the fact concerns, counted from 1. None for the whole migration."""

    @property
    def number(self) -> int:
        """The migration's number. Raises TypeError if `migration` is a selector that `among` has not resolved."""
        if isinstance(self.migration, int):
            return self.migration
        raise TypeError(self.migration)

    def among(self, ledger: Ledger, migrations: tuple[Migration, ...]) -> Correction:
        """Resolves the selector to a migration's number. Raises UsageError."""
        if isinstance(self.migration, int):
            return self
        if self.migration.number is not None and not self.migration.name:
            return replace(self, migration=self.migration.number)
        found = self.migration.choose(of_all(ledger, migrations), "in the ledger or among the files")
        known = ledger.unfinished.get(found.number) or ledger.applied.get(found.number)
        file = file_of((m for m in migrations if m.number == found.number), known)
        if self.migration.name and known and found.name not in {known.name, file.name if file else ""}:
            what = (
                f"migration {found.number:03} is {known.name} here, and `{found.name}` is another file with that number"
            )
            raise UsageError(
                what, hint=f"pass {known.name}, or renumber the file: `ctgitops new --renumber {found.name}`"
            )
        return replace(self, migration=found.number)


def repair(request: Request, correction: Correction, *, databases: Databases, tell: Listener) -> Entry:
    """Adds a ledger entry that records the fact. Runs no SQL of a migration. Raises UsageError."""
    _want(correction.reason, "looked at the index: it is valid")
    with databases.of(request.environment).exclusively(request, tell) as session:
        ledger = join_in_step(request, session, tell)
        refuse_wrong(request.environment, ledger.identity)
        correction = correction.among(ledger, request.workspace.migrations)
        if correction.statement is not None:
            step, entry = statement_repair_entry(ledger, correction, request)
            reached = ProgressState.DONE if correction.fact is Fact.APPLIED else ProgressState.UNDONE
            session.correct(step, correction.statement, reached, entry)
            return entry
        entry = repaired(ledger, correction, request)
        session.record(entry)
        return entry


def accept_again(
    request: Request, corrections: tuple[Correction, ...], *, databases: Databases, tell: Listener
) -> tuple[Entry, ...]:
    """Allows rolled-back migrations to be applied again: all in `corrections` or none. Writes to the ledger."""
    for correction in corrections:
        _want(correction.reason, "the cause is corrected")
    with databases.of(request.environment).exclusively(request, tell) as session:
        ledger = join_in_step(request, session, tell)
        refuse_wrong(request.environment, ledger.identity)
        meant = [correction.among(ledger, request.workspace.migrations) for correction in corrections]
        entries = tuple(_accepted_again(ledger, correction, request) for correction in meant)
        for entry in entries:
            session.record(entry)
        return entries


def _want(reason: str, such_as: str) -> None:
    if not reason.strip():
        raise UsageError("a repair needs a reason", hint=f'state how you know: `--reason "{such_as}"`')


def statement_repair_entry(ledger: Ledger, correction: Correction, request: Request) -> tuple[Step, Entry]:
    """Returns an unfinished step, and the ledger entry that repairs its statement. Raises UsageError."""
    step = unfinished_step(request.workspace, request.environment, ledger, correction.number)
    refuse_statement(step, correction.statement or 0, done=correction.fact is Fact.APPLIED)
    done = "done" if correction.fact is Fact.APPLIED else "not done"
    entry = Entry(Mark.REPAIRED, f"{step.name}, statement {correction.statement}")
    reason = f"{done}: {correction.reason.strip()}"
    return step, _entry(request, reason, entry)


def repaired(ledger: Ledger, correction: Correction, request: Request) -> Entry:
    """Returns the ledger entry that repairs a migration. Raises UsageError if the migration needs no repair."""
    number = correction.number
    known = ledger.unfinished.get(number) or ledger.applied.get(number) or _failed(ledger, correction)
    if known is None:
        has = ", ".join(f"{n:03}" for n in sorted({*ledger.applied, *ledger.unfinished})) or "none"
        what = f"migration {number:03} is neither applied nor unfinished in {request.environment.name}"
        raise UsageError(what, hint=f"migrations that can be repaired: {has}")
    if correction.fact is Fact.NOT_APPLIED:
        return _entry(request, correction.reason, Entry(Mark.REPAIRED, known.name, number, known.version))
    migration = file_of((m for m in request.workspace.migrations if m.number == number), known)
    if migration is None:
        what = f"migration {number:03} has no file, so its SQL is not known"
        raise UsageError(what, hint=f"restore the file of {known.name}, or use `--not-applied`")
    as_its_file = number in ledger.applied and known.checksum == migration.checksum
    if number not in ledger.unfinished and as_its_file:
        what = f"{migration.name} is already recorded in the ledger with the text of its file"
        raise UsageError(what, hint="there is nothing to repair")
    return _entry(request, correction.reason, Entry.of_file(Mark.REPAIRED, migration))


def _accepted_again(ledger: Ledger, correction: Correction, request: Request) -> Entry:
    reversals = changes_in(ledger).reversals
    if (reversal := reversals.get(correction.number)) is None:
        what = f"migration {correction.number:03} was not rolled back in {request.environment.name}"
        held = ", ".join(f"{number:03}" for number in sorted(reversals)) or "none"
        raise UsageError(what, hint=f"held back: {held}")
    undone = reversal.undone
    entry = Entry(Mark.REPAIRED, undone.name, undone.number, undone.version)
    return _entry(request, f"to be applied again: {correction.reason.strip()}", entry)


def _failed(ledger: Ledger, correction: Correction) -> Entry | None:
    """Returns the entry of a failed attempt, or None. A user may have made the change by hand after the failure."""
    if correction.fact is Fact.NOT_APPLIED:
        return None
    return next((e for e in ledger.entries if e.number == correction.number and e.mark in CHANGES_NOTHING), None)


def _entry(request: Request, reason: str, fact: Entry) -> Entry:
    dated = replace(fact, started_at=request.now, finished_at=request.now, error=reason.strip())
    return request.origin.signed(dated)


def accept(request: Request, reason: str, *, databases: Databases, tell: Listener) -> Entry:
    """Records that the schema is correct although it does not match the prediction. Raises UsageError."""
    _want(reason, "an index of migration 002 depended on the rows; migration 003 corrects this")
    with databases.of(request.environment).exclusively(request, tell) as session:
        ledger = session.ledger()
        refuse_wrong(request.environment, ledger.identity)
        if not open_predictions(ledger):
            what = f"{request.environment.name} has no open prediction"
            raise UsageError(what, hint="there is nothing to accept")
        entry = _entry(request, reason, Entry(Mark.REPAIRED, PREDICTION))
        session.record(entry)
        return entry


def adopt(request: Request, reason: str, *, databases: Databases, tell: Listener) -> tuple[Entry, str]:
    """Records the environment's current database as the ledger's home. Raises UsageError. Writes to the ledger.

    Returns the entry and the ledger's new ID.
    """
    _want(reason, "restored from production on Monday")
    with databases.of(request.environment).exclusively(request, tell) as session:
        identity = session.ledger().identity
        if identity is None or not any(identity_problems(request.environment, identity)):
            what = f"this database already belongs to {request.environment.name}, according to its ledger"
            raise UsageError(what, hint="there is nothing to adopt")
        entry = _entry(request, reason, Entry(Mark.REPAIRED, HOME))
        ledger_id = ledger_id_after(request, identity)
        session.adopt(entry, ledger_id)
        return entry, ledger_id


def ledger_id_after(request: Request, identity: Identity) -> str:
    """Returns the manifest's ID. Without one, returns the old ID for a moved database, or a new ID for a copy."""
    if request.environment.database_id:
        return request.environment.database_id
    same = identity.home is None or identity.home.environment == request.environment.name
    return identity.ledger_id if same else str(uuid.uuid4())
