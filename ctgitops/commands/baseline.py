"""The command `baseline`. Records the migrations as applied if the database already has the schema of the files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.ledger.identity import refuse_wrong
from ..core.ledger.in_step import begin_in_step, end_in_step, table_in_step
from ..core.run.baseline import Baseline, TakeOver, entries, refuse_history, taken_over
from ..core.run.in_step import refuse_difference, refuse_other_layout
from ..core.run.takeover import applied_by, only_ledger
from ..core.schema.compare import without
from ..errors import LedgerError, UsageError
from .diff import against_files
from .drift import read_while_idle

if TYPE_CHECKING:
    from ..core.gate.request import Request
    from ..core.ledger.ledger import Entry, Ledger
    from ..core.run.progress import Listener
    from ..ports.database import Databases, Session
    from ..ports.shadow import Shadows

PROVED = "verified: the schema equals the schema of the files"


def baseline(
    request: Request, take_over: TakeOver, *, databases: Databases, shadows: Shadows, tell: Listener
) -> Baseline:
    """Compares the live schema with the files' schema. Records the baseline if they are equal. Writes to the ledger."""
    name = request.environment.name
    database = databases.of(request.environment)
    foreign = database.foreign_ledgers(request.workspace.policy.layout.version_parts)
    applied = applied_by(foreign, request.workspace, name) if take_over.number is None else None
    number = applied.last if applied else take_over.among(request.workspace.migrations)
    found = taken_over(request.workspace, number)
    tool = f"{applied.ledger.table} of {applied.ledger.title}" if applied else ""
    ledger, live = read_while_idle(database, name)
    refuse_wrong(request.environment, ledger.identity)
    refuse_history(ledger, name)
    seen = against_files(request.workspace, live, shadows, request.environment, up_to=number)
    of_tools = tuple(pattern for each in foreign for pattern in each.objects)
    changes = without(seen.changes, of_tools)
    proposal = Baseline(name, (), changes, seen.unmatched, take_over.reason.strip() or PROVED, tool)
    if changes and not take_over.reason.strip():
        return proposal
    done = replace(proposal, names=tuple(m.name for m in found))
    with database.exclusively(request, tell) as session:
        ledger = session.ledger()
        refuse_history(ledger, name)
        if database.snapshot().fingerprint != live.fingerprint:
            what = f"the schema of {name} changed while it was compared"
            raise LedgerError(what, state="nothing was recorded", hint="retry")
        recorded = replace(done, changes=seen.changes)  # drift leaves the other tool's tables alone
        proposed = entries(request, found, recorded, live.fingerprint, applied)
        new = tuple(each for each in proposed if each.number is None or each.number not in ledger.applied)
        if take_over.keep_in_step:
            new = (*new, first_in_step(request, session, ledger.with_entries(*new)))
            done = replace(done, in_step=new[-1].sql or "")
        for entry in new:
            session.record(entry)
    return done


def begin_to_keep_in_step(request: Request, *, databases: Databases, tell: Listener) -> str:
    """From now on, applies and rollbacks also write to the ledger of the only other tool. Returns its table. Writes.

    Raises LedgerError unless both ledgers list the same migrations.
    """
    with databases.of(request.environment).exclusively(request, tell) as session:
        ledger = session.ledger()
        refuse_wrong(request.environment, ledger.identity)
        entry = first_in_step(request, session, ledger)
        session.record(entry)
        return entry.sql or ""


def first_in_step(request: Request, session: Session, ledger: Ledger) -> Entry:
    """Takes the tool's own lock, and returns the entry to record. `ledger` is the ledger before this entry.

    Raises LedgerError unless both ledgers list the same migrations.
    """
    name = request.environment.name
    refuse_other_layout(only_ledger(session.foreign_ledgers(), name), request)
    session.keep_in_step(only_ledger(session.foreign_ledgers(), name))
    foreign = only_ledger(session.foreign_ledgers(), name)  # read again under the tool's lock
    refuse_difference(ledger, foreign, request)
    return begin_in_step(foreign)


def end_keeping_in_step(request: Request, *, databases: Databases, tell: Listener) -> str:
    """From now on, ctgitops leaves the other tool's ledger alone. Returns the name of its table. Writes.

    Raises UsageError if no ledger is kept in step.
    """
    with databases.of(request.environment).exclusively(request, tell) as session:
        ledger = session.ledger()
        refuse_wrong(request.environment, ledger.identity)
        table = table_in_step(ledger)
        if not table:
            what = f"{request.environment.name} keeps no ledger of another tool in step"
            raise UsageError(what, hint="there is nothing to end")
        session.record(end_in_step(table))
        return table
