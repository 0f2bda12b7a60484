"""Decides which of two files with the same number must change, by the ledgers and the base branch. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, NamedTuple

from ...errors import Place, UsageError
from ...lazy import dataclass
from ..migration.migration_name import split_name
from ..problem import Problem
from .candidates import by_number
from .numbering import Move, Seniority, moves

if TYPE_CHECKING:
    from ..environment.policy import Policy
    from ..ledger.ledger import Ledger
    from ..migration.migration import Migration


class AppliedIn(NamedTuple):
    """An environment that has applied a file, and the number of newest migrations to roll back to remove the file."""

    environment: str
    steps: int


@dataclass(frozen=True)
class Applied:
    """The files that are applied in at least one environment whose ledger was read."""

    where: Mapping[str, AppliedIn] = field(default_factory=dict)
    """Maps file names to one environment that has applied the file."""

    @classmethod
    def of(cls, environment: str, ledger: Ledger, migrations: Iterable[Migration]) -> Applied:
        """The files that a ledger has applied. A file is found by its name or, if it was renamed, by its checksum."""
        steps = {entry.number: back for back, entry in enumerate(reversed(ledger.in_order), start=1)}
        entries = {**ledger.unfinished, **ledger.applied}
        found = {}
        for number, migration in by_number(migrations, entries.values()).items():
            entry = entries.get(number)
            if entry and (entry.name == migration.name or entry.checksum == migration.checksum):
                found[migration.name] = AppliedIn(environment, steps.get(number, 1))
        return cls(found)

    def with_those_of(self, other: Applied) -> Applied:
        """The files that are applied according to this object, and those that are applied according to `other`."""
        return Applied({**other.where, **self.where})


@dataclass(frozen=True)
class Precedence:
    """Decides which of two files keeps a number or version that both files have."""

    applied: Applied = field(default_factory=Applied)
    git: Seniority = field(default_factory=Seniority)

    def keeper(self, same: list[Migration]) -> tuple[Migration | None, str]:
        """The file that keeps the number or version, and why. None if no file has a stronger claim."""
        base = [m for m in same if m.name in self.git.base.names]
        applied = [m for m in same if m.name in self.applied.where]
        if len(base) == 1:
            return base[0], f"is on {self.git.base.name}"
        if len(applied) == 1:
            return applied[0], f"is applied in {self.applied.where[applied[0].name].environment}"
        by_age = sorted(same, key=self._age)
        older = self._age(by_age[0]) < self._age(by_age[1])
        return (by_age[0], "was committed first") if older else (None, "")

    def contests(self, migration: Migration, migrations: Iterable[Migration]) -> bool:
        """Whether a migration shares its number with another file, and does not keep the number."""
        same = [m for m in migrations if m.number == migration.number]
        return len(same) > 1 and self.keeper(same)[0] is not migration

    def _age(self, migration: Migration) -> float:
        return self.git.added.get(migration.name, math.inf)

    def must_renumber(self, one: Migration, other: Migration) -> Migration:
        """The file that must get a new number or version. If neither file has a stronger claim, the second file."""
        keeper, _ = self.keeper([one, other])
        return one if keeper is other else other


def number_problems(migrations: tuple[Migration, ...], policy: Policy, precedence: Precedence) -> Iterator[Problem]:
    """A problem for each file that must change its number."""
    by_number: dict[int, list[Migration]] = defaultdict(list)
    for migration in migrations:
        by_number[migration.number].append(migration)
    commands = Commands(migrations, policy, precedence)
    for _, same in sorted(by_number.items()):
        if len(same) > 1:
            yield from _of_one_number(same, commands)


def _of_one_number(same: list[Migration], commands: Commands) -> Iterator[Problem]:
    keeper, why = commands.precedence.keeper(same)
    if keeper is None:
        names = " and ".join(f"`{m.path}`" for m in same)
        what = f"number {same[0].number:03} is used by {names}"
        yield Problem("duplicate-number", what, Place(same[-1].path), _undecided(same, commands.precedence))
        return
    for migration in sorted(same, key=lambda each: each.path):  # the order in which pages show the problems
        if migration is not keeper:
            what = f"number {migration.number:03} is already used by `{keeper.path}`, which {why}"
            yield Problem("duplicate-number", what, Place(migration.path), commands.hint(migration))


def _undecided(same: list[Migration], precedence: Precedence) -> str:
    where = [(m.name, precedence.applied.where[m.name]) for m in same if m.name in precedence.applied.where]
    if len(where) > 1:
        text = " and ".join(f"{name} is applied in {at.environment}" for name, at in where)
        name, at = where[-1]
        back = f"`ctgitops rollback --env {at.environment} --steps {at.steps}`"
        return f"{text}: roll one of the two back, for example with {back}, then run `ctgitops new --renumber {name}`"
    unknown = f" ({precedence.git.unknown})" if precedence.git.unknown else ""
    which = f"neither a ledger nor git shows which file is older{unknown}"
    command = f"`ctgitops new --renumber {same[0].number:03}`"
    return f"{which}: {command} reads the ledgers, and renumbers the file that no database has applied"


@dataclass
class Commands:
    """The commands that renumber files, in the order in which a user runs them. Each depends on the earlier ones."""

    migrations: tuple[Migration, ...]
    """The files after the commands so far."""
    policy: Policy
    precedence: Precedence
    moved: dict[str, str] = field(default_factory=dict)
    """Maps the files that a command moves to the file that the command names."""

    def hint(self, migration: Migration) -> str:
        """How to renumber a file. The command for an earlier file may renumber this file too."""
        band = self.policy.band(migration.number)
        if first := self.moved.get(migration.name):
            return f"`ctgitops new --renumber {first}` renumbers this file too"
        earlier = [name for name in self.moved.values() if self.policy.band(split_name(name).number) == band]
        after = f"after the command for {earlier[-1]}, " if earlier else ""
        renumber = f"`ctgitops new --renumber {migration.name}`"
        try:
            found = moves(self.migrations, self.policy, migration, self.precedence.git.base)
        except UsageError as error:
            return f"{error.what}: {error.hint}, then {renumber}"
        self._run(migration, found)
        version = f", version {found[0].version}" if found and found[0].version else ""
        text = f"{renumber} renames it to the next free number, now {found[0].name}{version}" if found else renumber
        where = self.precedence.applied.where.get(migration.name)
        if where is None:
            return f"{after}{text}"
        back = f"ctgitops rollback --env {where.environment} --steps {where.steps}"
        return f"the file is applied in {where.environment}: first roll it back there with `{back}`, then {after}{text}"

    def _run(self, first: Migration, found: tuple[Move, ...]) -> None:
        """Records the moves that the command for `first` makes."""
        by_name = {move.migration.name: move for move in found}
        self.moved |= dict.fromkeys(by_name, first.name)
        self.migrations = tuple(_moved(m, by_name.get(m.name)) for m in self.migrations)


def _moved(migration: Migration, move: Move | None) -> Migration:
    if move is None:
        return migration
    header = replace(migration.header, version=move.version) if migration.header and move.version else migration.header
    return replace(migration, number=move.number, name=move.name, header=header)
