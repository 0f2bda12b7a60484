"""Chooses free numbers and versions for a branch's migrations. Uses the age of the files according to git. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from ...errors import UsageError
from ...lazy import dataclass
from ..environment.policy import EVERYTHING, Policy
from ..migration.migration_name import split_name
from ..migration.schema_version import SchemaVersion, highest, next_after
from ..migration.selector import selector_from
from .candidates import of_files

if TYPE_CHECKING:
    from ..migration.migration import Migration


@dataclass(frozen=True)
class BaseBranch:
    """The base branch and its migrations, as far as git can read them."""

    name: str
    """The branch's name, such as `origin/main`. Empty if the branch cannot be read."""
    numbers: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()
    versions: tuple[SchemaVersion, ...] = ()


@dataclass(frozen=True)
class Seniority:
    """The age of migration files according to git."""

    base: BaseBranch = field(default_factory=lambda: BaseBranch(""))
    added: Mapping[str, int] = field(default_factory=dict)
    """Maps a file's name to the Unix time of the commit that added the file. Leaves out uncommitted files."""
    unknown: str = ""
    """Why git could not report the age. Empty if the age is known."""


@dataclass(frozen=True)
class Move:
    """A migration with its new number."""

    migration: Migration
    name: str
    """The new name of the migration."""
    version: SchemaVersion | None
    """The new version. None if the migration has no header."""

    @property
    def number(self) -> int:
        """The new number."""
        return split_name(self.name).number


def find(
    migrations: tuple[Migration, ...], wanted: str, base: BaseBranch, applied: frozenset[str] = frozenset()
) -> Migration:
    """The migration that a selector selects. Raises UsageError.

    If several migrations match, returns the one that is neither on the base branch nor applied.
    """
    selector = selector_from(wanted, "--renumber")
    found = [m for m, named in zip(migrations, of_files(migrations), strict=True) if selector.matches(named)]
    if selector.latest:
        found = found[-1:]
    if len(found) > 1:
        found = [m for m in found if m.name not in base.names | applied] or found
    if len(found) > 1:
        names = " or ".join(f"`{m.name}`" for m in found)
        raise UsageError(f"`{wanted}` matches several migrations", hint=f"give one of the names: {names}")
    if not found:
        selector.choose(of_files(migrations), "among the files")
    if found[0].name in base.names:
        what = f"{found[0].name} is already on {base.name} with this number"
        raise UsageError(what, hint="renumber the migration that this branch adds")
    return found[0]


def moves(migrations: tuple[Migration, ...], policy: Policy, first: Migration, base: BaseBranch) -> tuple[Move, ...]:
    """The moves of `first`, and of the branch's later migrations in the same band, to the next free numbers.

    If the base branch cannot be read, it is unknown which migrations belong to the branch. Only `first` then moves.
    Raises UsageError if the band is full.
    """
    band = policy.band(first.number) or EVERYTHING
    later = [m for m in migrations if m.number in band and m.number > first.number]
    moving = [first, *(m for m in later if base.name and m.name not in base.names)]
    staying = [m for m in migrations if m not in moving]
    taken = {*(m.number for m in staying), *base.numbers}
    number = max((n for n in taken if n in band), default=max(band.first, 1) - 1)
    if number + len(moving) > band.last:
        raise UsageError(f"band {band} has no number left", hint="widen the band in migrations/policy.yaml")
    versions = [*(m.version for m in staying if m.version), *base.versions]
    made = []
    for migration in moving:
        number += 1
        version = next_version(migration, versions)
        versions += [version] if version else []
        old = split_name(migration.name)
        made.append(Move(migration, f"{number:0{len(old.digits)}}_{old.words}", version))
    return tuple(move for move in made if (move.name, move.version) != (move.migration.name, move.migration.version))


def next_version(migration: Migration, taken: Iterable[SchemaVersion]) -> SchemaVersion | None:
    """The version after all versions in `taken`. The kind of change in `migration` decides which number increases."""
    own, others = migration.version, list(taken)
    if own is None or not others:
        return own
    return next_after(highest(others), breaking=migration.breaking, fix=own.patch != 0)
