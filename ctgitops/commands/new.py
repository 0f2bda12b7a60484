"""The command `new --renumber`: chooses new numbers for a branch's migrations, unless a database has applied one."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.ledger import Ledger
from ..core.migration import Migration
from ..core.renumber import BaseBranch, Move, find, moves
from ..core.workspace import Workspace
from ..errors import CtgitopsError, UsageError
from ..ports import Databases


@dataclass(frozen=True)
class Renumbering:
    """What moves, whose dependencies may follow, and which environments nobody could ask."""

    moves: tuple[Move, ...]
    others: tuple[Migration, ...]
    unseen: tuple[str, ...]


def renumber(workspace: Workspace, wanted: str, base: BaseBranch, *, databases: Databases) -> Renumbering:
    """Decides it; refuses what a database has already. Read-only. Raises UsageError."""
    first = find(workspace, wanted, base)
    ledgers: dict[str, Ledger] = {}
    unseen = []
    for environment in workspace.environments:
        try:
            ledgers[environment.name] = databases.of(environment).ledger()
        except CtgitopsError:
            unseen.append(environment.name)
    found = moves(workspace, first, base)
    for migration in (first, *(move.migration for move in found)):
        _refuse_applied(migration, ledgers)
    kept = {*base.names, *(move.migration.name for move in found)}
    others = (m for m in workspace.migrations if m.name not in kept and not _where(m, ledgers))
    return Renumbering(found, tuple(others) if _alone(workspace, found) else (), tuple(unseen))


def _alone(workspace: Workspace, found: tuple[Move, ...]) -> bool:
    """Whether a number that moves means one migration, so that what depends on it can be told."""
    numbers = [m.number for m in workspace.migrations]
    return all(numbers.count(move.migration.number) == 1 for move in found)


def _where(migration: Migration, ledgers: dict[str, Ledger]) -> str:
    for name, ledger in ledgers.items():
        entry = ledger.applied.get(migration.number) or ledger.unfinished.get(migration.number)
        if entry and (entry.name == migration.name or entry.checksum == migration.checksum):
            return name
    return ""


def _refuse_applied(migration: Migration, ledgers: dict[str, Ledger]) -> None:
    if name := _where(migration, ledgers):
        what = f"{migration.name} is applied on {name}, whose ledger knows it by that number"
        hint = "what is applied keeps its number: renumber the other one"
        raise UsageError(what, state="nothing was changed", hint=hint)
