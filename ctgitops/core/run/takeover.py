"""Takes over the ledger of another tool: compares the migrations that the tool has applied with the files. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...errors import LedgerError, UsageError
from ...lazy import dataclass

if TYPE_CHECKING:
    from ..ledger.foreign_ledger import ForeignLedger, ForeignRow
    from ..migration.migration import Migration
    from ..workspace.workspace import Workspace


@dataclass(frozen=True)
class ToolHistory:
    """The files that another tool has applied, each with the row of the tool's ledger."""

    ledger: ForeignLedger
    rows: tuple[tuple[Migration, ForeignRow], ...]

    @property
    def last(self) -> int:
        """The highest number of an applied migration."""
        return self.rows[-1][0].number


def applied_by(ledgers: tuple[ForeignLedger, ...], workspace: Workspace, environment: str) -> ToolHistory:
    """The migrations that another tool has applied, if the tool's ledger and the files agree.

    Raises UsageError if there is no ledger or more than one, and LedgerError if ledger and files disagree.
    """
    ledger = only_ledger(ledgers, environment)
    problems = list(_disagreements(ledger, workspace.migrations))
    if problems:
        what = f"{ledger.table} of {ledger.title} and the files disagree: {'; '.join(problems[:5])}"
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        hint = f"let {ledger.title} complete its migrations, or restore the files, then run baseline again"
        raise LedgerError(what + more, state="nothing was changed", hint=hint)
    return ToolHistory(ledger, tuple((m, row) for m in workspace.migrations if (row := ledger.row_of(m))))


def only_ledger(ledgers: tuple[ForeignLedger, ...], environment: str) -> ForeignLedger:
    """The only ledger of another tool that has rows. Raises UsageError if there is none or more than one."""
    filled = [ledger for ledger in ledgers if ledger.rows]
    if len(filled) != 1:
        listed = ", ".join(f"{each.table} ({each.title})" for each in filled)
        what = f"{environment} has {f'ledgers of several tools: {listed}' if filled else 'no ledger of another tool'}"
        hint = f"name the last migration that the database has: `ctgitops baseline --env {environment} --at NUMBER`"
        hint += "" if filled else ", also if a tool's ledger has a name of your own"
        raise UsageError(what, hint=hint)
    return filled[0]


def _disagreements(ledger: ForeignLedger, migrations: tuple[Migration, ...]) -> Iterator[str]:
    pairs = [(migration, ledger.row_of(migration)) for migration in migrations]
    yield from (f"{row.name} is recorded as failed or unfinished" for row in ledger.rows if not row.complete)
    known = {row.name for _, row in pairs if row}
    for absent in (row for row in ledger.rows if row.name not in known):
        other = ledger.renamed(absent, migrations)
        renamed = f", and {other.path} has its checksum: restore the name of this file" if other else ""
        yield f"{absent.name} is applied, but has no file{renamed}"
    last = max((at for at, (_, row) in enumerate(pairs) if row), default=-1)
    for migration, row in pairs[: last + 1]:
        if row is None:
            yield f"{migration.name} is not applied, but later migrations are"
        elif changed_since(migration, row):
            yield f"{migration.name} was changed after it was applied ({migration.path})"


def changed_since(migration: Migration, row: ForeignRow) -> bool:
    """Whether the tool recorded a checksum that is not one of the file. Known older algorithms count as equal."""
    accepted = migration.record.checksums if migration.record else ()
    return bool(row.checksum and accepted) and row.checksum not in accepted
