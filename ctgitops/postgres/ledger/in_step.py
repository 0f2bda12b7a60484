"""The ledger of another tool that a run keeps in step with its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.pq import Escaping

from ...core.ledger.ledger import Entry, Mark
from ...core.plan.plan import Direction, Plan, Step
from ..connection.connect import Address, Connection, lost_as_error
from .foreign_ledgers import foreign_ledgers
from .ledger import read_ledger
from .tool_ledger import ToolLedger

if TYPE_CHECKING:
    from ...core.gate.request import Request
    from ...core.ledger.foreign_ledger import ForeignLedger
    from ...core.migration.migration import Migration


@dataclass
class InStep:
    """Writes what a run applies and rolls back to the ledger of a tool, once `begin` has been called."""

    address: Address
    lock: Connection
    """The connection that holds the run lock. It also holds the tool's lock, until the run ends."""
    request: Request
    _tool: ToolLedger | None = None

    def foreign_ledgers(self) -> tuple[ForeignLedger, ...]:
        """The ledgers of other tools. Read-only. Raises LedgerError."""
        with lost_as_error(self.address):
            return foreign_ledgers(self.lock, self.request.workspace.policy.layout.version_parts)

    def begin(self, foreign: ForeignLedger) -> None:
        """Takes the tool's lock. Raises MustWaitError if the tool keeps it, LedgerError if the table is read-only."""
        tool = ToolLedger(foreign, self.request.workspace.migrations, self.request.origin.actor)
        with lost_as_error(self.address):
            tool.refuse_unwritable(self.lock)
            tool.take_lock(self.lock, self.request.wait_for_lock)
        self._tool = tool

    def statements_of(self, plan: Plan) -> Callable[[Step], str]:
        """A function that returns the statements of a step of `plan`, each with a semicolon. Empty without a tool."""
        tool = self._tool
        if tool is None:
            return lambda _step: ""
        with lost_as_error(self.address):
            before = set(read_ledger(self.lock, self.address, shared=True).applied)

        def statements(step: Step) -> str:
            done = {each.number for each in plan.steps[: plan.steps.index(step) + 1]}
            forwards = step.direction is Direction.APPLY
            write = tool.added if forwards else tool.removed
            return write(Escaping(self.lock.pgconn), step.number, before | done if forwards else before - done)

        return statements

    def statements_of_export(self, foreign: ForeignLedger, applied: tuple[Migration, ...], new: tuple[int, ...]) -> str:
        """The statements that add the migrations `new` to a tool's ledger. Takes the tool's lock until the run ends.

        `applied` has all applied migrations, with the tool's numbers.
        """
        tool = ToolLedger(foreign, applied, self.request.origin.actor)
        with lost_as_error(self.address):
            if foreign.new:
                tool.refuse_taken_name(self.lock)
            else:
                tool.refuse_unwritable(self.lock)
            tool.take_lock(self.lock, self.request.wait_for_lock)
        escaping, numbers = Escaping(self.lock.pgconn), [each.number for each in applied]
        begin = tool.created(escaping) if foreign.new else ""
        rows = new[-1:] if tool.writer.version_only else new
        return begin + "".join(tool.added(escaping, number, numbers) for number in rows)

    def statements_for(self, entry: Entry) -> str:
        """The statements for a repair that says whether a migration is applied. Empty for other entries."""
        tool, number = self._tool, entry.number
        file = next((m for m in self.request.workspace.migrations if m.number == number), None)
        if tool is None or entry.mark is not Mark.REPAIRED or number is None or file is None:
            return ""
        with lost_as_error(self.address):
            applied = set(read_ledger(self.lock, self.address, shared=True).applied)
        listed = tool.foreign.row_of(file) is not None
        if listed is entry.marks_applied:
            return ""
        write, after = (tool.added, applied | {number}) if entry.marks_applied else (tool.removed, applied - {number})
        return write(Escaping(self.lock.pgconn), number, after)
