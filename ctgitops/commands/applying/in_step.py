"""Keeps the ledger in step with that of another tool: reads what the tool has applied or reverted meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.ledger.identity import identity_problems
from ...core.ledger.in_step import table_in_step
from ...core.ledger.ledger import Ledger, Mark
from ...core.run.in_step import entries_of_tool, ledger_in_step
from ...core.run.progress import Listener, ToolChangesRecorded

if TYPE_CHECKING:
    from ...core.gate.request import Request
    from ...ports.database import Database, Session


def current_ledger(request: Request, database: Database) -> Ledger:
    """The ledger, as the next apply records it: with the changes of a tool that is kept in step. Read-only.

    Raises LedgerError if the tool's ledger contradicts the files.
    """
    return with_tool_changes(request, database, database.ledger())


def with_tool_changes(request: Request, database: Database, ledger: Ledger) -> Ledger:
    """`ledger` with the changes of a tool that is kept in step. Read-only. Raises LedgerError."""
    if not table_in_step(ledger):
        return ledger
    found = database.foreign_ledgers(request.workspace.policy.layout.version_parts)
    foreign = ledger_in_step(ledger, found, request)
    return ledger.with_entries(*entries_of_tool(ledger, foreign, request)) if foreign else ledger


def join_in_step(request: Request, session: Session, tell: Listener) -> Ledger:
    """The ledger. If a tool is kept in step, takes the tool's lock and records the tool's changes. Writes.

    Raises LedgerError if the tool's ledger contradicts the files, and MustWaitError if the tool is at work.
    """
    ledger = session.ledger()
    if not table_in_step(ledger) or any(identity_problems(request.environment, ledger.identity)):
        return ledger  # the caller refuses a database of another environment
    foreign = ledger_in_step(ledger, session.foreign_ledgers(), request)
    if foreign is None:
        return ledger
    session.keep_in_step(foreign)
    locked = ledger_in_step(ledger, session.foreign_ledgers(), request)  # read again under the tool's lock
    entries = entries_of_tool(ledger, locked or foreign, request)
    for entry in entries:
        session.record_of_tool(entry)
    if entries:
        applied = tuple(entry.name for entry in entries if entry.mark is Mark.BASELINED)
        reverted = tuple(entry.name for entry in entries if entry.mark is Mark.ROLLED_BACK)
        tell(ToolChangesRecorded(foreign.title, applied, reverted))
    return session.ledger()
