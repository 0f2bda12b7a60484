"""The command `export`. Records the applied migrations in the ledger of another tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.ledger.foreign_ledger import ForeignLedger
from ..core.ledger.identity import refuse_wrong
from ..core.run.export import Export, ToolMigrations, export_entry, numbers_to_record
from ..errors import LedgerError
from ..layouts.ledger_creation import NEW_LEDGERS
from ..layouts.ledger_writers import WRITERS

if TYPE_CHECKING:
    from ..core.gate.request import Request
    from ..core.ledger.ledger import Ledger
    from ..core.run.progress import Listener
    from ..ports.database import Databases


def export(request: Request, tool: ToolMigrations, *, databases: Databases, tell: Listener, dry_run: bool) -> Export:
    """Adds a row to the tool's ledger for each applied migration that it lacks. Creates the ledger if necessary.

    Writes, except with `dry_run`. Raises LedgerError if the ledgers and the files disagree.
    """
    database = databases.of(request.environment)
    if dry_run:
        found = database.foreign_ledgers(request.workspace.policy.layout.version_parts)
        return _proposed(request, database.ledger(), _ledger_of(tool, found), tool)[0]
    with database.exclusively(request, tell) as session:
        ledger = session.ledger()
        foreign = _ledger_of(tool, session.foreign_ledgers())
        done, numbers = _proposed(request, ledger, foreign, tool)
        if numbers or done.created:
            applied = tuple(tool.by_number[number] for number in ledger.applied)
            new = tuple(tool.by_number[number].number for number in numbers)
            session.record_in_tool(foreign, applied, new, export_entry(foreign, len(numbers)))
    return done


def _proposed(
    request: Request, ledger: Ledger, foreign: ForeignLedger, tool: ToolMigrations
) -> tuple[Export, tuple[int, ...]]:
    """The export, and our numbers of the migrations to record."""
    refuse_wrong(request.environment, ledger.identity)
    numbers = numbers_to_record(ledger, foreign, tool, request.workspace)
    names = tuple(tool.by_number[number].name for number in numbers)
    listed = len(ledger.applied) - len(numbers)
    return Export(request.environment.name, tool.title, foreign.table, foreign.new, names, listed), numbers


def _ledger_of(tool: ToolMigrations, found: tuple[ForeignLedger, ...]) -> ForeignLedger:
    """The ledger of the tool in the database, or a new one. Raises LedgerError if there are several."""
    title, table = tool.title, NEW_LEDGERS[tool.tool].table
    ours = [each for each in found if each.tool == tool.tool]
    other = next((each for each in found if each.table == table and each.tool != tool.tool), None)
    if len(ours) > 1 or (not ours and other):
        several = f"{title} has several ledgers: {', '.join(each.table for each in ours)}"
        taken = f"{table} is the ledger of {other.title}, and {title} uses the same name" if other else ""
        hint = f"rename the table that {title} must not use"
        raise LedgerError(several if ours else taken, state="nothing was changed", hint=hint)
    return ours[0] if ours else ForeignLedger(tool.tool, title, table, (), WRITERS[tool.tool].version_only, new=True)
