"""Finds what another tool has applied or reverted since the last run, for a ledger that is kept in step. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import LedgerError
from ..ledger.in_step import table_in_step
from ..ledger.ledger import Entry, Ledger, Mark
from .takeover import changed_since

if TYPE_CHECKING:
    from ..gate.request import Request
    from ..ledger.foreign_ledger import ForeignLedger
    from ..workspace.workspace import Workspace


def ledger_in_step(ledger: Ledger, foreign: tuple[ForeignLedger, ...], request: Request) -> ForeignLedger | None:
    """The tool's ledger that is kept in step. None if there is none.

    Raises LedgerError if its table no longer exists, or if the policy names the layout of another tool.
    """
    table = table_in_step(ledger)
    if not table:
        return None
    found = next((each for each in foreign if each.table == table), None)
    if found is None:
        what = f"{table} is kept in step, but the database has no ledger of a migration tool with this name"
        hint = f"restore the table, or end this: {_end(request)}"
        raise LedgerError(what, state="nothing was changed", hint=hint)
    refuse_other_layout(found, request)
    return found


def refuse_other_layout(foreign: ForeignLedger, request: Request) -> None:
    """Raises LedgerError if the policy's layout is not the tool's, because the files then have no versions of it."""
    layout = request.workspace.policy.layout.name
    if layout.value != foreign.tool:
        what = f"{foreign.table} belongs to {foreign.title}, but the policy's layout is {layout}"
        hint = f"set `layout: {foreign.tool}` in migrations/policy.yaml, or end this: {_end(request)}"
        raise LedgerError(what, state="nothing was changed", hint=hint)


def entries_of_tool(ledger: Ledger, foreign: ForeignLedger, request: Request) -> tuple[Entry, ...]:
    """The entries for what the tool has applied (`baselined`) and reverted (`rolled-back`) since the last run.

    Raises LedgerError if the tool's ledger contradicts the files or an unfinished migration.
    """
    workspace = request.workspace
    problems = tuple(_conflicts(ledger, foreign, workspace))
    if problems:
        what = f"{foreign.table} of {foreign.title}, contradicts the files or the ledger: {'; '.join(problems)}"
        correct = f"correct it with {foreign.title}, or update this checkout"
        hint = f"{correct}; to end this: {_end(request)}" if table_in_step(ledger) else correct
        raise LedgerError(what, state="nothing was changed", hint=hint)
    applied = tuple(_applied(ledger, foreign, request))
    return (*applied, *_reverted(ledger, foreign, workspace))


def refuse_difference(ledger: Ledger, foreign: ForeignLedger, request: Request) -> None:
    """Raises LedgerError unless the ledger and the tool's ledger list the same migrations."""
    different = entries_of_tool(ledger, foreign, request)
    if not different:
        return
    where = {Mark.BASELINED: foreign.table, Mark.ROLLED_BACK: "the ledger of ctgitops"}
    listed = "; ".join(f"only {where[entry.mark]} has {entry.name}" for entry in different[:5])
    more = f"; and {len(different) - 5} more" if len(different) > 5 else ""
    what = f"the two ledgers differ, so they cannot be kept in step: {listed}{more}"
    hint = "let the tool that lacks a migration apply it, or record it there as applied, then retry"
    raise LedgerError(what, state="nothing was changed", hint=hint)


def _conflicts(ledger: Ledger, foreign: ForeignLedger, workspace: Workspace) -> Iterator[str]:
    pairs = [(migration, foreign.row_of(migration)) for migration in workspace.migrations]
    known = {row.name for _, row in pairs if row}
    numbers = ledger.applied.keys()
    for each in foreign.rows:
        if not each.complete:
            yield f"{each.name} is recorded as failed or unfinished"
        elif each.name not in known and each.number not in numbers:
            yield f"{each.name} is applied, but has no file"
    for migration, row in pairs:
        if row is None or (foreign.all_before and row.number != migration.number):
            continue
        if migration.number in ledger.unfinished:
            yield f"{migration.name} is recorded as applied, but ctgitops has begun it and not completed it"
        elif changed_since(migration, row) and migration.number not in numbers:
            yield f"{migration.name} was changed after it was applied"


def _applied(ledger: Ledger, foreign: ForeignLedger, request: Request) -> Iterator[Entry]:
    highest = max(ledger.applied, default=0)
    for migration in request.workspace.migrations:
        row = foreign.row_of(migration)
        late = foreign.all_before and migration.number < highest  # such a tool never applies a late migration
        if row is None or late or migration.number in ledger.applied:
            continue
        at = row.applied_at or request.now
        entry = Entry.of_file(Mark.BASELINED, migration, f"applied by {foreign.title}")
        yield replace(entry, started_at=at, finished_at=at, actor=row.by or foreign.title)


def _reverted(ledger: Ledger, foreign: ForeignLedger, workspace: Workspace) -> Iterator[Entry]:
    """The applied migrations that the tool no longer lists, newest first."""
    files = {migration.number: migration for migration in workspace.migrations}
    for number, entry in reversed(ledger.applied.items()):
        file = files.get(number)
        if file is not None and foreign.row_of(file) is None:
            yield Entry(Mark.ROLLED_BACK, entry.name, number, entry.version, entry.checksum, actor=foreign.title)


def _end(request: Request) -> str:
    return f"`ctgitops baseline --env {request.environment.name} --no-keep-in-step`"
