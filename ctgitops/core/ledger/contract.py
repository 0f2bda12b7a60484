"""Decides whether a contract, the last migration of an expand, is held back in an environment.

A contract has the line `-- ctgitops: contract 002 after 2027-01-31`: the number of its expand, and the day or schema
version after which it may be applied.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol

from ...errors import Place
from ...sql.parse import SqlSyntaxError
from ..migration.deprecation import deprecations_in
from ..migration.migration_name import parse_reference
from ..migration.schema_version import SchemaVersion
from ..problem import Problem

if TYPE_CHECKING:
    from ...sql.name_changes import ChangedName, SearchedName
    from ..environment.policy import UnrelatedCode
    from ..migration.migration import Migration
    from .ledger import Ledger

_VALUE = re.compile(r"(\S+)(?:[ \t]+after[ \t]+([\d.-]+))?", re.IGNORECASE)
HINT = "write the number of the expand, and a version or a day, as in `-- ctgitops: contract 002 after 2027-01-31`"
SHOWN = 5
"""The number of references in code that a reason lists."""


@dataclass(frozen=True)
class Contract:
    """The line `ctgitops: contract` of a migration."""

    expand: int
    after: SchemaVersion | date | None
    """The last version with the old form, or the last day with it. None without one."""


@dataclass(frozen=True)
class Hold:
    """Why a contract is held back."""

    why: str
    """The reason after `waits`, such as `until 2027-01-31 has passed`."""
    remedy: str


UNKNOWN = Hold("for a check of the code that uses the old name", "run the command in a checkout of the repository")
"""The reason if nothing is known about the code."""


class Use(Protocol):
    """A line of code that uses a name, as the code search finds it."""

    @property
    def changed(self) -> SearchedName:
        """The name."""

    @property
    def path(self) -> str:
        """The path of the file."""


class FoundUses(Protocol):
    """The result of the code search."""

    @property
    def mentions(self) -> Sequence[Use]:
        """The uses of the names."""

    @property
    def unsearched(self) -> str:
        """Why a part of the code was not searched. Empty if the search covered all code."""


@dataclass(frozen=True)
class ContractCheck:
    """The facts that decide about contracts: the day, and the repository's code, which is searched only if needed."""

    today: date
    search: Callable[[tuple[SearchedName, ...]], FoundUses]
    unrelated: tuple[UnrelatedCode, ...] = ()

    def hold(self, migration: Migration, migrations: tuple[Migration, ...], ledger: Ledger) -> Hold | None:
        """Why `migration` is held back in the environment of `ledger`. None if it is not, or is not a contract."""
        contract = contract_of(migration)
        if contract is None:
            return None
        expand = next((each for each in migrations if each.number == contract.expand), None)
        if expand is None:
            return Hold(f"for its expand {contract.expand:03}, which does not exist", HINT)
        return (
            self._too_early(migration, contract, expand, ledger)
            or _in_one_run(expand, ledger)
            or self._in_use(removed_names(migration))
        )

    def _too_early(self, migration: Migration, contract: Contract, expand: Migration, ledger: Ledger) -> Hold | None:
        # an applied migration cannot be changed, so the time that the expand promised stays
        kept = "wait" if expand.number in ledger.applied else f"wait, or change the day in {expand.path}"
        promised = ((each.after, kept) for each in deprecations_in(expand.up))
        own = ((contract.after, f"wait, or change the day in {migration.path}"),) if contract.after else ()
        for after, remedy in (*promised, *own):
            if isinstance(after, date):
                if self.today <= after:
                    return Hold(f"until {after} has passed", remedy)
            elif ledger.applied and (ledger.version is None or ledger.version < after):
                return Hold(f"until the environment has version {after}", f"apply the migrations up to {after} first")
            elif migration.version and migration.version <= after:
                return Hold(f"because its version is not above {after}", f"change the version in {migration.path}")
        return None

    def _in_use(self, names: tuple[ChangedName, ...]) -> Hold | None:
        if not names:
            return None
        found = self.search(names)
        uses = [each for each in found.mentions if not any(_covers(one, each) for one in self.unrelated)]
        listed = ", ".join(f"`{each.name}`" if not each.column else f"`{each.table}.{each.column}`" for each in names)
        if uses:
            more = f" and {len(uses) - SHOWN} more" if len(uses) > SHOWN else ""
            why = f"for code that does not use {listed}: {', '.join(map(str, uses[:SHOWN]))}{more}"
            remedy = "change this code; if it does not mean this name, add it to `unrelated_code` in the policy"
            return Hold(why, remedy)
        if found.unsearched:
            return Hold(f"for a search of all code for {listed}: {found.unsearched}", "run apply where the code is")
        return None


def contract_of(migration: Migration) -> Contract | None:
    """The contract that a migration declares. None without the line, or if the line is not valid."""
    return next((found for _, found in _read(migration)), None)


def contract_problems(migrations: tuple[Migration, ...]) -> Iterator[Problem]:
    """A problem for each line `ctgitops: contract` that is not valid."""
    numbers = {each.number for each in migrations}
    for migration in migrations:
        for place, found in _read(migration):
            if found is None:
                yield Problem("contract", "the line `ctgitops: contract` is not valid", place, HINT)
            elif found.expand not in numbers or found.expand >= migration.number:
                yield Problem("contract", f"the expand {found.expand:03} is not an earlier migration", place, HINT)


def removed_names(migration: Migration) -> tuple[ChangedName, ...]:
    """The names that a migration drops or renames, and does not create again."""
    found: dict[ChangedName, None] = {}
    try:
        statements = migration.up.statements
    except SqlSyntaxError:  # a separate problem reports the syntax error and blocks the plan
        return ()
    for statement in statements:
        found |= dict.fromkeys(statement.removes)
        made = {(each.table, each.column) for each in statement.creates}
        found = {each: None for each in found if (each.table, each.column) not in made}
    return tuple(found)


def _in_one_run(expand: Migration, ledger: Ledger) -> Hold | None:
    """A new database gets all phases in one run. Elsewhere, both forms must exist for some time."""
    if not ledger.applied or expand.number in ledger.applied:
        return None
    return Hold(f"for a run after the one that applies {expand.name}", "apply the other migrations first")


def _covers(one: UnrelatedCode, mention: Use) -> bool:
    changed = mention.changed
    names = {getattr(changed, "name", ""), f"{changed.table}.{getattr(changed, 'column', '')}"}
    return one.name.removeprefix("public.") in names and fnmatchcase(mention.path, one.path)


def _read(migration: Migration) -> Iterator[tuple[Place, Contract | None]]:
    for line in migration.contract_lines:
        yield migration.up.place(line.start()), _parsed(line[1])


def _parsed(text: str) -> Contract | None:
    match = _VALUE.fullmatch(text)
    named = parse_reference(match[1]) if match else None
    if match is None or named is None:
        return None
    if match[2] is None:
        return Contract(named.number, None)
    after: SchemaVersion | date | None = SchemaVersion.parse(match[2])
    try:
        return Contract(named.number, after or date.fromisoformat(match[2]))
    except ValueError:
        return None
