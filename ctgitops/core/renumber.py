"""Chooses new numbers and versions for a branch's migrations when theirs are already used. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UsageError
from .migration import Migration
from .policy import EVERYTHING
from .version import SchemaVersion, highest, next_after
from .workspace import Workspace


@dataclass(frozen=True)
class BaseBranch:
    """The branch that this one goes into, as far as it can be seen."""

    name: str
    """`origin/main`; empty where it cannot be seen."""
    numbers: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()
    versions: tuple[SchemaVersion, ...] = ()


@dataclass(frozen=True)
class Move:
    """A migration under its next number."""

    migration: Migration
    name: str
    """Its new name."""
    version: SchemaVersion | None
    """Its new version; None where it has no header."""

    @property
    def number(self) -> int:
        """Its new number."""
        return int(self.name.split("_", 1)[0])


def find(workspace: Workspace, wanted: str, base: BaseBranch) -> Migration:
    """The migration that a number, a name or a path means. Raises UsageError."""
    name = wanted.rsplit("/", 1)[-1].removesuffix(".sql")
    found = [m for m in workspace.migrations if m.name == name]
    if not found and name.isdecimal():
        found = [m for m in workspace.migrations if m.number == int(name)]
        found = [m for m in found if m.name not in base.names] or found
    if len(found) > 1:
        names = " or ".join(f"`{m.name}`" for m in found)
        raise UsageError(f"number {name} is that of several", hint=f"name one: {names}")
    if not found:
        raise UsageError(f"there is no migration `{wanted}`", hint="give its file, its name or its number")
    if found[0].name in base.names:
        what = f"{found[0].name} is on {base.name}, where others have it under that number"
        raise UsageError(what, hint="renumber the one that this branch adds")
    return found[0]


def moves(workspace: Workspace, first: Migration, base: BaseBranch) -> tuple[Move, ...]:
    """The next free number of its band for `first`, and for what this branch adds after it in that band.

    Where the base cannot be seen, nobody knows what this branch adds, so `first` alone moves.
    """
    band = workspace.policy.band(first.number) or EVERYTHING
    later = [m for m in workspace.migrations if m.number in band and m.number > first.number]
    moving = [first, *(m for m in later if base.name and m.name not in base.names)]
    staying = [m for m in workspace.migrations if m not in moving]
    taken = {*(m.number for m in staying), *base.numbers}
    number = max((n for n in taken if n in band), default=max(band.first, 1) - 1)
    if number + len(moving) > band.last:
        raise UsageError(f"band {band} has no number left", hint="widen it in migrations/policy.yaml")
    versions = [*(m.version for m in staying if m.version), *base.versions]
    made = []
    for migration in moving:
        number += 1
        version = _version(migration, versions)
        versions += [version] if version else []
        digits, words = migration.name.split("_", 1)
        made.append(Move(migration, f"{number:0{len(digits)}}_{words}", version))
    return tuple(move for move in made if (move.name, move.version) != (move.migration.name, move.migration.version))


def _version(migration: Migration, taken: list[SchemaVersion]) -> SchemaVersion | None:
    """One step above all others, as large a step as it took before."""
    own = migration.version
    if own is None or not taken:
        return own
    return next_after(highest(taken), breaking=migration.breaking, fix=own.patch != 0)
