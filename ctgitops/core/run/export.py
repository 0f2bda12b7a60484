"""The export to another tool: which migrations its ledger lacks, and what prevents the export. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ...errors import LedgerError
from ...lazy import dataclass
from ..ledger.ledger import Entry, Mark

if TYPE_CHECKING:
    from ..environment.layout import LayoutName
    from ..ledger.foreign_ledger import ForeignLedger
    from ..ledger.ledger import Ledger
    from ..migration.migration import Migration
    from ..workspace.workspace import Workspace

NAME = "export"
"""The name of the entry that records an export. This entry belongs to no migration."""


def export_entry(foreign: ForeignLedger, count: int) -> Entry:
    """The entry that records an export. It stores the name of the tool's table, which drift then leaves out."""
    what = f"{count} migrations were recorded in {foreign.table} of {foreign.title}"
    return Entry(Mark.BASELINED, NAME, sql=foreign.table, error=what)


def tables_of_exports(ledger: Ledger) -> frozenset[str]:
    """The tables of other tools that exports have filled."""
    return frozenset(each.sql for each in ledger.entries if each.number is None and each.name == NAME and each.sql)


@dataclass(frozen=True)
class ToolMigrations:
    """The migrations as another tool names and records them, by our numbers."""

    tool: LayoutName
    title: str
    """The tool's name."""
    by_number: Mapping[int, Migration]
    in_order: bool
    """Whether the tool applies a migration only after all earlier ones."""


@dataclass(frozen=True)
class Export:
    """The result of an export: what the tool's ledger gets."""

    environment: str
    title: str
    table: str
    created: bool
    """Whether the table is new."""
    names: tuple[str, ...]
    """The migrations for which the tool's ledger gets a row."""
    listed: int
    """The number of migrations that the tool's ledger already lists."""


def numbers_to_record(
    ledger: Ledger, foreign: ForeignLedger, tool: ToolMigrations, workspace: Workspace
) -> tuple[int, ...]:
    """Our numbers of the applied migrations that the tool's ledger lacks, in the tool's order.

    Raises LedgerError if the ledger and the files, or the tool's ledger and the files, disagree.
    """
    problems = (*_own(ledger, workspace), *_order(ledger, tool), *_of_tool(foreign, tool, ledger))
    if problems:
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        what = f"the migrations cannot be recorded for {tool.title}: {'; '.join(problems[:5])}{more}"
        raise LedgerError(what, state="nothing was changed", hint="correct this, then run export again")
    missing = (n for n in ledger.applied if foreign.row_of(tool.by_number[n]) is None)
    return tuple(sorted(missing, key=lambda number: tool.by_number[number].number))


def _own(ledger: Ledger, workspace: Workspace) -> Iterator[str]:
    files = {each.number: each for each in workspace.migrations}
    for entry in ledger.unfinished.values():
        yield f"{entry.name} has begun and is not completed"
    for number, entry in ledger.applied.items():
        file = files.get(number)
        if file is None:
            yield f"{entry.name} is applied, but has no file"
        elif entry.checksum != file.checksum:
            yield f"{entry.name} was changed after it was applied"


def _order(ledger: Ledger, tool: ToolMigrations) -> Iterator[str]:
    """The pending migrations that precede an applied one, if the tool would not apply them any more."""
    applied = [tool.by_number[n].number for n in ledger.applied if n in tool.by_number]
    for number, migration in tool.by_number.items():
        if tool.in_order and number not in ledger.applied and migration.number < max(applied, default=-1):
            yield f"{migration.name} is pending, but precedes an applied migration; apply it first"


def _of_tool(foreign: ForeignLedger, tool: ToolMigrations, ledger: Ledger) -> Iterator[str]:
    known = {row.name for each in tool.by_number.values() if (row := foreign.row_of(each))}
    for row in foreign.rows:
        if not row.complete:
            yield f"{row.name} is recorded in {foreign.table} as failed or unfinished"
        elif row.name not in known:
            yield f"{row.name} is recorded in {foreign.table}, but has no file"
    yield from _too_early(foreign, tool, ledger)


def _too_early(foreign: ForeignLedger, tool: ToolMigrations, ledger: Ledger) -> Iterator[str]:
    """The pending migrations that the tool's ledger lists. The tool would never run them."""
    applied = [each for number, each in tool.by_number.items() if number in ledger.applied]
    # With checksums as keys, a row can also belong to an applied migration that has the same text
    taken = [] if foreign.all_before else [foreign.row_of(each) for each in applied]
    for number, migration in tool.by_number.items():
        row = None if number in ledger.applied else foreign.row_of(migration)
        if row and row.complete and row not in taken:
            yield f"{migration.name} is recorded in {foreign.table}, but the ledger says that it is not applied"
