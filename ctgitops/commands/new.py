"""The command `new --renumber`. Chooses new numbers for a branch's migrations that no database has applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.workspace.candidates import file_of
from ..core.workspace.numbering import BaseBranch, Move, find, moves
from ..errors import CtgitopsError, UsageError
from ..lazy import dataclass

if TYPE_CHECKING:
    from ..core.ledger.ledger import Ledger
    from ..core.migration.migration import Migration
    from ..core.workspace.workspace import Workspace
    from ..ports.database import Databases


@dataclass(frozen=True)
class Renumbering:
    """The new numbers, the migrations whose `Dependencies` must change, and the environments that could not be read."""

    moves: tuple[Move, ...]
    others: tuple[Migration, ...]
    unseen: tuple[str, ...]


def renumber(workspace: Workspace, wanted: str, base: BaseBranch, *, databases: Databases) -> Renumbering:
    """Chooses the new numbers. Raises UsageError if a migration to renumber is applied. Read-only."""
    ledgers: dict[str, Ledger] = {}
    unseen = []
    for environment in workspace.environments:
        try:
            ledgers[environment.name] = databases.of(environment).ledger()
        except CtgitopsError:
            unseen.append(environment.name)
    applied = frozenset(m.name for m in workspace.migrations if _environment_with(m, ledgers, workspace))
    first = find(workspace.migrations, wanted, base, applied)
    found = moves(workspace.migrations, workspace.policy, first, base)
    for migration in (first, *(move.migration for move in found)):
        _refuse_applied(migration, ledgers, workspace)
    kept = {*base.names, *(move.migration.name for move in found)}
    others = (m for m in workspace.migrations if m.name not in kept and not _environment_with(m, ledgers, workspace))
    return Renumbering(found, tuple(others) if _is_unambiguous(workspace, found) else (), tuple(unseen))


def _is_unambiguous(workspace: Workspace, found: tuple[Move, ...]) -> bool:
    """Whether only one migration has the old number. The number in `Dependencies` is then unambiguous."""
    numbers = [m.number for m in workspace.migrations]
    return all(numbers.count(move.migration.number) == 1 for move in found)


def _environment_with(migration: Migration, ledgers: dict[str, Ledger], workspace: Workspace) -> str:
    """Returns the name of an environment that has applied the migration. Empty without such an environment.

    Two files can have the same number and text. The ledger then contains the name of the applied file.
    """
    same = [m for m in workspace.migrations if m.number == migration.number]
    for name, ledger in ledgers.items():
        entry = ledger.applied.get(migration.number) or ledger.unfinished.get(migration.number)
        if entry is None or file_of(same, entry) is not migration:
            continue
        if entry.name == migration.name or entry.checksum == migration.checksum:
            return name
    return ""


def _refuse_applied(migration: Migration, ledgers: dict[str, Ledger], workspace: Workspace) -> None:
    if name := _environment_with(migration, ledgers, workspace):
        what = f"{migration.name} cannot be renumbered: {name} has applied it"
        others = [m.name for m in workspace.migrations if m.number == migration.number and m is not migration]
        other = f": `ctgitops new --renumber {others[0]}`" if others else ""
        hint = f"an applied migration keeps its number; renumber the other file{other}"
        raise UsageError(what, state="nothing was changed", hint=hint)
