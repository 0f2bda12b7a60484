"""The baseline of an existing database: the ledger entries to write, and the reasons that prevent a baseline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import LedgerError, UsageError
from ...lazy import dataclass
from ..ledger.drift_acceptance import NAME, changes_text
from ..ledger.ledger import CHANGES_NOTHING, Entry, Ledger, Mark
from ..workspace.candidates import of_files

if TYPE_CHECKING:
    from ..gate.request import Request
    from ..migration.migration import Migration
    from ..migration.selector import Selector
    from ..schema.compare import Changes
    from ..workspace.workspace import Workspace
    from .takeover import ToolHistory


@dataclass(frozen=True)
class TakeOver:
    """The request to record all migrations up to `number` as applied. `reason` tells why differences are accepted."""

    number: int | Selector | None
    """None selects the migrations that the ledger of another tool lists in the same database."""
    reason: str = ""
    keep_in_step: bool = False
    """Whether later applies and rollbacks also write to the other tool's ledger."""

    def among(self, migrations: tuple[Migration, ...]) -> int:
        """The number that the selector selects. Raises UsageError if no file matches."""
        if self.number is None or isinstance(self.number, int):
            return self.number or 0
        return self.number.choose(of_files(migrations), "among the files").number


@dataclass(frozen=True)
class Baseline:
    """The result of a baseline: the names in the new ledger, and how the live schema differs from the files' schema."""

    environment: str
    names: tuple[str, ...]
    changes: Changes
    unmatched: tuple[str, ...] = ()
    reason: str = ""
    tool: str = ""
    """The other tool whose ledger listed the migrations, and its table. Empty if the user named the last migration."""
    in_step: str = ""
    """The table of the other tool that is kept in step. Empty if none is."""

    @property
    def exit_status(self) -> int:
        """1 if differences prevented the baseline. Otherwise 0."""
        return 0 if self.names else 1


def taken_over(workspace: Workspace, number: int) -> tuple[Migration, ...]:
    """The migrations up to a number. Raises UsageError if no file has that number."""
    found = tuple(m for m in workspace.migrations if m.number <= number)
    if not any(m.number == number for m in found):
        has = ", ".join(f"{m.number:03}" for m in workspace.migrations) or "none"
        raise UsageError(f"migration {number:03} does not exist", hint=f"the files have: {has}")
    return found


def baseline_blocker(ledger: Ledger) -> Entry | None:
    """The first ledger entry that prevents a baseline because it records a change. A failed attempt does not count."""
    harmless = CHANGES_NOTHING | {Mark.BASELINED}
    return next((entry for entry in ledger.entries if entry.mark not in harmless), None)


def refuse_history(ledger: Ledger, environment: str) -> None:
    """Raises LedgerError if the ledger has an entry that prevents a baseline."""
    other = baseline_blocker(ledger)
    if other:
        what = f"{environment} has a ledger with more than a baseline: {other.name} {other.mark.replace('-', ' ')}"
        hint = f"ctgitops status --env {environment}; `ctgitops repair` corrects a single migration"
        raise LedgerError(what, state="nothing was changed", hint=hint)


def entries(
    request: Request,
    found: tuple[Migration, ...],
    baseline: Baseline,
    fingerprint: str,
    applied: ToolHistory | None = None,
) -> tuple[Entry, ...]:
    """The new ledger entries: first the entry with the accepted schema differences, then one entry per migration.

    An entry has the time and the author that another tool's ledger recorded.
    """
    proof = Entry(Mark.BASELINED, NAME, checksum=fingerprint, sql=changes_text(baseline.changes), error=baseline.reason)
    rows = {migration.number: row for migration, row in applied.rows} if applied else {}
    every = [replace(proof, started_at=request.now, finished_at=request.now)]
    for migration in found:
        row = rows.get(migration.number)
        at = (row.applied_at if row else None) or request.now
        entry = Entry.of_file(Mark.BASELINED, migration, baseline.reason)
        every.append(replace(entry, started_at=at, finished_at=at, actor=(row.by if row else "") or None))
    return (*every, *_repeatable(request, found, baseline))


def _repeatable(request: Request, found: tuple[Migration, ...], baseline: Baseline) -> Iterator[Entry]:
    """An entry for each repeatable file, if the baseline includes all migrations."""
    if len(found) == len(request.workspace.migrations):
        for file in request.workspace.repeatable:
            entry = Entry(Mark.BASELINED, file.name, checksum=file.checksum, sql=file.script.sql, error=baseline.reason)
            yield replace(entry, started_at=request.now, finished_at=request.now)
