"""The command `baseline`. Records the migrations as applied if the database already has the schema of the files."""

from __future__ import annotations

from dataclasses import replace

from ..core.gate.request import Request
from ..core.ledger.identity import refuse_wrong
from ..core.run.baseline import Baseline, TakeOver, entries, refuse_history, taken_over
from ..core.run.progress import Listener
from ..core.run.takeover import applied_by
from ..core.schema.compare import without
from ..errors import LedgerError
from ..ports.database import Databases
from ..ports.shadow import Shadows
from .diff import against_files
from .drift import read_while_idle
from .in_step import first_in_step

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
