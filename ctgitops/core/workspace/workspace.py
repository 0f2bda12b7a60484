"""The workspace: the files of one checkout, and the rules for all files together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import field
from itertools import pairwise
from typing import TYPE_CHECKING

from ...errors import Place
from ...lazy import dataclass, regex
from ...sql.guard import Guard, NotAnalysedError
from ...sql.parse import SqlSyntaxError, enum_values_used
from ..environment.policy import EVERYTHING, Band, Numbering, Policy
from ..file_check.both_directions import both_directions
from ..file_check.other_tool import other_tool
from ..file_check.rollback_secret import password_problems, rollback_problems
from ..file_check.syntax import (
    client_copy,
    file_failures,
    invisible_problems,
    statement_failures,
    syntax_problem,
)
from ..file_check.transaction_control import transaction_problems
from ..migration.deprecation import deprecation_problems
from ..migration.header import Rollback
from ..migration.migration_name import MigrationName, parse_stem, without_ending
from ..migration.sequence import sequence_problems
from ..problem import Problem
from .duplicates import Applied, Precedence, number_problems
from .flag_names import contract_line_problems, flag_problems
from .numbering import Seniority
from .version_rules import version_problems

if TYPE_CHECKING:
    from ...sql.script import Script
    from ..environment.environment import Environment
    from ..ledger.contract import ContractCheck
    from ..migration.migration import Migration, Seed
    from ..migration.squash import Squash

_MANIFEST = regex(r"environments/(.+)\.ya?ml")


@dataclass(frozen=True)
class Workspace:
    """Migrations by number, manifests, and the problems that were found while the files were read."""

    migrations: tuple[Migration, ...]
    environments: tuple[Environment, ...] = ()
    seeds: dict[str, tuple[Seed, ...]] | None = None
    """Maps environments to their seed files."""
    policy: Policy = field(default_factory=Policy)
    read_problems: tuple[Problem, ...] = ()
    git: Seniority = field(default_factory=Seniority)
    """The age of the files according to git. It is read only if two files have the same number or version."""
    repeatable: tuple[Seed, ...] = ()
    """The repeatable files of all environments, in the order in which they run."""
    squashes: tuple[Squash, ...] = ()
    """The squashed files, valid or not."""
    contract_check: ContractCheck | None = field(default=None, compare=False)
    """Decides whether a contract is held back. None if unknown: every contract is then held back."""

    @property
    def history(self) -> frozenset[str]:
        """The paths of migrations that were applied before they were checked, according to `lint_after`."""
        return frozenset(m.path for m in self.migrations if m.number <= self.policy.lint_after)

    @property
    def contested(self) -> tuple[Migration, ...]:
        """The files that have the same number or version as another file."""
        numbers = Counter(m.number for m in self.migrations)
        versions = Counter(str(m.version) for m in self.migrations if m.version)
        return tuple(m for m in self.migrations if numbers[m.number] > 1 or versions[str(m.version)] > 1)

    def environment(self, name: str) -> Environment | None:
        """The environment with this name. None without such an environment."""
        return next((e for e in self.environments if e.name == name), None)

    def seeds_of(self, environment: Environment) -> tuple[Seed, ...]:
        """The repeatable files and the seed files of an environment, in the order in which they run."""
        return (*self.repeatable, *(self.seeds or {}).get(environment.name, ()))

    def problems_with(self, environment: Environment) -> tuple[Problem, ...]:
        """The blocking problems of an environment's manifest. For unreadable keys, the environment has the defaults."""
        return tuple(p for p in self.read_problems if p.blocks and p.place and p.place.path == environment.path)


def problems_of(workspace: Workspace, applied: Applied | None = None) -> tuple[Problem, ...]:
    """All problems of a workspace that can be found without a database. Leaves out problems in the SQL itself.

    If two files have the same number or version, the file in `applied` keeps it.
    """
    migrations, policy = workspace.migrations, workspace.policy
    precedence = Precedence(applied or Applied(), workspace.git)
    found = [
        *workspace.read_problems,
        *number_problems(migrations, policy, precedence),
        *_bands(migrations, policy),
        *_gaps(workspace),
        *_headers(migrations),
        *_rollbacks(migrations),
        *version_problems(migrations, policy, precedence),
        *_dependencies(migrations),
        *sequence_problems(migrations),
        *flag_problems(migrations, workspace.environments),
        *deprecation_problems(migrations),
        *contract_line_problems(migrations),
        *_chain(workspace),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda problem: problem.position))


def sql_problems_of(workspace: Workspace) -> tuple[Problem, ...]:
    """Problems that the parser finds in all SQL files: syntax, transaction control, psql commands."""
    found: list[Problem] = []
    for migration in workspace.migrations:
        for script in (migration.up, migration.down, migration.verify):
            found += script_problems(script) if script else ()
        found += _not_queries(migration.verify) if migration.verify else ()
        found += rollback_problems(migration.up, migration.down)
    for seeds in (workspace.repeatable, *(workspace.seeds or {}).values()):
        for seed in seeds:
            found += seed_problems(seed)
    return tuple(found)


def seed_problems(seed: Seed) -> tuple[Problem, ...]:
    """The problems that prevent running a seed file. A seed file must run in one transaction."""
    script = seed.script
    problems = script_problems(script)
    if any(problem.blocks for problem in problems) or script.transactional:
        return problems
    refused = next((s for s in script.statements if s.refused_in_transaction), None)
    said = refused.refused_in_transaction if refused else "a file that runs outside a transaction"
    what = f"{said} is not supported in a seed file"
    place = script.place(refused.start) if refused else Place(script.path, script.first_line)
    hint = "a seed file and its ledger entry share one transaction: move the statement into a migration"
    return (*problems, Problem("seed-transaction", what, place, hint))


def script_problems(script: Script) -> tuple[Problem, ...]:
    """The problems that prevent running a script, and the warnings about the script's text."""
    if mark := other_tool(script):
        return (mark,)
    try:
        statements = script.statements
    except NotAnalysedError as error:
        return tuple(file_failures(script, [error.failure]))
    except SqlSyntaxError as error:
        return (syntax_problem(script, error),)
    if not statements:
        hint = "write the SQL, or remove the file"
        return (Problem("empty-file", "the file contains no statement", Place(script.path, script.first_line), hint),)
    guard = Guard()
    problems = [*guard.each("whether the file has both directions", lambda: both_directions(script))]
    problems += transaction_problems(script)
    problems += [client_copy(script, statement.start) for statement in statements if statement.copies_through_client]
    faults = guard.each("whether the statement can run in batches", lambda: script.batch_faults)
    problems += [Problem("batch", fault.what, script.place(fault.offset), fault.hint) for fault in faults]
    problems += guard.each("enum values", lambda: _enum_values(script))
    problems += guard.each("passwords", lambda: password_problems(script))
    unknown = (*statement_failures(script), *file_failures(script, guard.failures))
    return (*problems, *invisible_problems(script), *unknown)


def _enum_values(script: Script) -> Iterator[Problem]:
    """A problem if the script uses an enum value in the transaction that adds it with ALTER TYPE … ADD VALUE."""
    if not script.transactional:
        return
    for use in enum_values_used(script.sent):
        what = f"'{use.value}' is used in the transaction that adds this value to {use.type}, which PostgreSQL rejects"
        hint = "move ALTER TYPE … ADD VALUE into a separate migration before this one"
        yield Problem("enum-value", what, script.place(script.start_of(script.statements[use.statement])), hint)


def query_problems(script: Script) -> tuple[Problem, ...]:
    """The problems that prevent running a script as verify queries."""
    return (*script_problems(script), *_not_queries(script))


def _not_queries(script: Script) -> Iterator[Problem]:
    try:
        statements = script.statements
    except SqlSyntaxError:
        return
    for statement in statements:
        if statement.kind != "SelectStmt":
            hint = "each statement of a verify query file must be a SELECT that returns true"
            yield Problem("verify-query", "not a query", script.place(statement.start), hint)


def _bands(migrations: tuple[Migration, ...], policy: Policy) -> Iterator[Problem]:
    for first, second in pairwise(sorted(policy.bands, key=lambda b: b.first)):
        if second.first <= first.last:
            place = Place("migrations/policy.yaml")
            yield Problem("band", f"bands {first} and {second} overlap", place, "each number belongs to one band")
    for migration in migrations:
        if policy.band(migration.number) is None:
            bands = ", ".join(str(b) for b in policy.bands)
            what = f"number {migration.number:03} is not in a band"
            yield Problem("band", what, Place(migration.path), f"bands of migrations/policy.yaml: {bands}")


def _named(problem: Problem, folder: str) -> MigrationName | None:
    """The migration that the problem's file or folder belongs to. None without such a migration."""
    path = problem.place.path if problem.place else ""
    inside = path.removeprefix(f"{folder}/")
    return parse_stem(without_ending(inside)) if inside != path else None


def _gaps(workspace: Workspace) -> Iterator[Problem]:
    """A problem for each number that a band skips. A file that exists but cannot be read is not a gap."""
    if workspace.policy.numbering is not Numbering.CONTIGUOUS:
        return
    unread = {name.number for p in workspace.read_problems if (name := _named(p, workspace.policy.layout.folder))}
    before: dict[Band, int] = {}
    for migration in workspace.migrations:
        band = workspace.policy.band(migration.number)
        if band is None:
            continue
        wanted = before.get(band, migration.number if band == EVERYTHING else max(band.first, 1) - 1) + 1
        while wanted in unread:
            wanted += 1
        if migration.number > wanted:
            yield _gap(migration, wanted, "" if band == EVERYTHING else f" in band {band}")
        before[band] = migration.number


def _gap(migration: Migration, wanted: int, where: str) -> Problem:
    what = f"number {migration.number:03} leaves a gap{where}: {wanted:03} does not exist"
    hint = f"renumber the file to {wanted:03}, or set `numbering: increasing` in migrations/policy.yaml"
    return Problem("number-gap", what, Place(migration.path), hint)


def _headers(migrations: tuple[Migration, ...]) -> Iterator[Problem]:
    for migration in migrations:
        header = migration.header
        if header and header.migration != migration.name:
            what = f"the header says `Migration: {header.migration}`, but the file is called `{migration.name}`"
            fix = migration.saying("Migration", migration.name)
            yield Problem("header-name", what, migration.place_of("Migration"), "write the same name in both", fix=fix)


def _rollbacks(migrations: tuple[Migration, ...]) -> Iterator[Problem]:
    for migration in migrations:
        if migration.header is None:
            continue
        if migration.rollback is Rollback.AVAILABLE and not migration.has_rollback_sql:
            what = f"`Rollback: Available`, but {migration.name}.down.sql does not exist"
            hint = "create the file, or write `Rollback: Manual - …` or `Rollback: Not Available`"
            yield Problem("rollback-missing", what, Place(migration.path, 1), hint)
        if migration.rollback is not Rollback.AVAILABLE and migration.down is not None:
            what = f"`Rollback: {migration.rollback}`, but {migration.name}.down.sql exists"
            place, fix = Place(migration.down.path, 1), migration.saying("Rollback", Rollback.AVAILABLE.value)
            yield Problem("rollback-unsaid", what, place, "write `Rollback: Available`", fix=fix)


def _dependencies(migrations: tuple[Migration, ...]) -> Iterator[Problem]:
    by_number = {m.number: m for m in migrations}
    for migration in migrations:
        place = migration.place_of("Dependencies")
        for number in migration.dependencies:
            other = by_number.get(number)
            if other is None:
                hint = "name a migration that exists, or write `Dependencies: None`"
                yield Problem("dependency", f"the migration depends on {number:03}, which does not exist", place, hint)
            elif number == migration.number:
                yield Problem("dependency", "the migration depends on itself", place, "remove that dependency")
            elif number > migration.number and migration.number in other.dependencies:
                what = f"{migration.number:03} and {number:03} depend on each other"
                yield Problem("dependency", what, place, "remove one of the two dependencies")
            elif number > migration.number:
                what = f"the migration depends on {number:03}, which is applied later in an empty database"
                yield Problem(
                    "dependency", what, place, "name only migrations with lower numbers, or renumber this migration"
                )


def _chain(workspace: Workspace) -> Iterator[Problem]:
    by_name = {e.name: e for e in workspace.environments}
    unread = {m[1] for p in workspace.read_problems if p.place and (m := _MANIFEST.match(p.place.path))}
    for environment in workspace.environments:
        names, at = [environment.name], environment
        while at.after in by_name and at.after not in names:
            at = by_name[at.after]
            names.append(at.name)
        if at.after == environment.name:
            what = f"`after` is circular: {' after '.join([*names, environment.name])}"
            yield Problem("after", what, Place(environment.path), "one environment must be first")
        elif at is environment and at.after and at.after not in unread:
            what = f"`after: {at.after}` does not name an environment"
            yield Problem("after", what, Place(at.path), f"environments: {', '.join(sorted(by_name))}")
