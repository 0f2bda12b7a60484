"""Migrations that wait for a flag: a manifest must set the flag before its environment gets the migration. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import Place
from ...sql.guard import NotAnalysedError
from ...sql.parse import SqlSyntaxError, trees
from ...sql.schema_objects import Key, objects_made
from ...sql.tokens import code_words
from ..environment.environment import Environment
from ..ledger.ledger import Ledger
from ..problem import Concern, Problem

if TYPE_CHECKING:
    from ...sql.script import Script
    from ..ledger.contract import Hold
    from ..migration.migration import Migration
    from ..workspace.workspace import Workspace


@dataclass(frozen=True)
class FlagWait:
    """A pending migration that an environment does not get, because a flag is not set there."""

    number: int
    name: str
    flags: tuple[str, ...]
    """The flags that are not set."""
    needs: tuple[str, ...] = ()
    """The waiting migrations that this migration depends on. Empty if only its own flag is not set."""
    path: str = ""
    """The manifest that would set the flags."""
    hold: Hold | None = None
    """Why a contract whose flag is set is held back. None if only flags are missing."""

    @property
    def text(self) -> str:
        """Why the migration waits, such as `waits for the flag new-billing`."""
        if not self.flags and self.hold:
            return f"waits {self.hold.why}" + (f", as it depends on {', '.join(self.needs)}" if self.needs else "")
        flags = f"the flag{'s' if len(self.flags) > 1 else ''} {', '.join(self.flags)}"
        return f"waits for {flags}" + (f", as it depends on {', '.join(self.needs)}" if self.needs else "")

    @property
    def remedy(self) -> str:
        """What a person does to end the wait."""
        if not self.flags and self.hold:
            return self.hold.remedy
        return f"add {', '.join(self.flags)} to `flags` in {self.path}"


def flag_waits(
    migrations: Iterable[Migration], environment: Environment, ledger: Ledger, workspace: Workspace | None = None
) -> dict[int, FlagWait]:
    """Maps the number of each migration that waits for a flag, and of each contract that is held back, to its wait.

    Without `workspace`, every contract is held back.

    A migration waits if its own flag is not set, or if it depends on a migration that waits: by `Dependencies`, or
    because its SQL names an object that the other migration creates. An unfinished migration never waits.
    """
    applied = ledger.applied
    pending = [m for m in migrations if m.number not in applied]
    if environment.flags is None or not any(m.flag or m.contract_lines for m in pending):
        return {}
    begun = ledger.unfinished
    waits: dict[int, FlagWait] = {}
    made: dict[int, frozenset[Key]] = {}
    for migration in sorted(pending, key=lambda m: m.number):
        if migration.number in begun:
            continue
        words = _words(migration) if waits else frozenset()
        needs = [w for n, w in waits.items() if n in migration.dependencies or _names(words, made[n])]
        own = [migration.flag] if migration.flag and migration.flag not in environment.flags else []
        flags = tuple(dict.fromkeys([*own, *(flag for wait in needs for flag in wait.flags)]))
        hold = next((wait.hold for wait in needs if wait.hold), None)
        if not flags and not hold:
            hold = _hold(migration, ledger, workspace)
        if flags or hold:
            names = tuple(wait.name for wait in needs)
            waits[migration.number] = FlagWait(migration.number, migration.name, flags, names, environment.path, hold)
            made[migration.number] = _made(migration.up)
    return waits


def _hold(migration: Migration, ledger: Ledger, workspace: Workspace | None) -> Hold | None:
    if not migration.contract_lines:
        return None
    if workspace is not None and workspace.contract_check:
        return workspace.contract_check.hold(migration, workspace.migrations, ledger)
    from ..ledger.contract import UNKNOWN  # noqa: PLC0415 - most projects have no contract

    return UNKNOWN


def may_be_late(migrations: Iterable[Migration]) -> frozenset[int]:
    """The numbers of the migrations that can be applied late within their band, because they can wait for a flag."""
    found = tuple(migrations)
    return frozenset(flag_waits(found, Environment("", ""), Ledger()))


def removed_flag_problems(
    migrations: Iterable[Migration], environment: Environment, ledger: Ledger
) -> Iterator[Problem]:
    """A warning for each migration that is applied or unfinished although its flag is not set any more."""
    applied, unfinished = ledger.applied, ledger.unfinished
    for migration in migrations:
        there = migration.number in applied or migration.number in unfinished
        if environment.flags is None or not there or not migration.flag or migration.flag in environment.flags:
            continue
        state = "unfinished, and the next apply resumes it" if migration.number in unfinished else "applied"
        what = f"{migration.name} is {state}, although its flag `{migration.flag}` is not set"
        hint = f"set the flag again; `ctgitops rollback --env {environment.name} --to …` reverts a migration"
        yield Problem("flag-removed", what, Place(environment.path), hint, blocks=False, concern=Concern.LEDGER)


def _words(migration: Migration) -> frozenset[str]:
    return frozenset().union(*(code_words(each.sql) for each in (migration.up, migration.verify) if each))


def _names(words: Collection[str], made: Collection[Key]) -> bool:
    """Whether `words` contains an object's name. For a column, the words must also contain the table's name."""
    return any(all(part.rpartition(".")[2] in words for part in key[1:]) for key in made)


def _made(script: Script) -> frozenset[Key]:
    """The objects that a script creates. Empty for SQL that cannot be parsed, which another problem reports."""
    try:
        return frozenset(each for tree in trees(script.sent) for each in objects_made(tree.kind, tree.node))
    except (SqlSyntaxError, NotAnalysedError):
        return frozenset()
