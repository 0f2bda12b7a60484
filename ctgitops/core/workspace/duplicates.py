"""Decides which of two files with the same number must change, by the ledgers and the base branch. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ...errors import Place, UsageError
from ..environment.policy import Policy
from ..ledger.ledger import Ledger
from ..migration.migration import Migration
from ..problem import Problem
from .candidates import by_number
from .numbering import Seniority, moves


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

    def _age(self, migration: Migration) -> float:
        return self.git.added.get(migration.name, math.inf)

    def must_renumber(self, one: Migration, other: Migration) -> Migration:
        """The file that must change. If both files have equal claims, the second file."""
        keeper, _ = self.keeper([one, other])
        return one if keeper is other else other


def number_problems(migrations: tuple[Migration, ...], policy: Policy, precedence: Precedence) -> Iterator[Problem]:
    """A problem for each file that must change its number."""
    by_number: dict[int, list[Migration]] = defaultdict(list)
    for migration in migrations:
        by_number[migration.number].append(migration)
    for same in by_number.values():
        if len(same) > 1:
            yield from _of_one_number(same, migrations, policy, precedence)


def _of_one_number(
    same: list[Migration], migrations: tuple[Migration, ...], policy: Policy, precedence: Precedence
) -> Iterator[Problem]:
    keeper, why = precedence.keeper(same)
    if keeper is None:
        names = " and ".join(f"`{m.path}`" for m in same)
        what = f"number {same[0].number:03} is used by {names}"
        yield Problem("duplicate-number", what, Place(same[-1].path), _undecided(same, precedence))
        return
    for migration in same:
        if migration is not keeper:
            what = f"number {migration.number:03} is already used by `{keeper.path}`, which {why}"
            hint = _hint(migration, migrations, policy, precedence)
            yield Problem("duplicate-number", what, Place(migration.path), hint)


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


def _hint(migration: Migration, migrations: tuple[Migration, ...], policy: Policy, precedence: Precedence) -> str:
    renumber = f"`ctgitops new --renumber {migration.name}`"
    try:
        moved = next(iter(moves(migrations, policy, migration, precedence.git.base)), None)
    except UsageError as error:
        return f"{error.what}: {error.hint}, then {renumber}"
    version = f", version {moved.version}" if moved and moved.version else ""
    text = f"{renumber} renames it to {moved.name}{version}" if moved else renumber
    where = precedence.applied.where.get(migration.name)
    if where is None:
        return text
    back = f"ctgitops rollback --env {where.environment} --steps {where.steps}"
    return f"the file is applied in {where.environment}: first roll it back there with `{back}`, then {text}"
