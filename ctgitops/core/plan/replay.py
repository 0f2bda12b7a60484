"""Replay: converts the applied migrations into steps that rebuild the schema in a throw-away database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING

from ...errors import LedgerError, WorkspaceError
from ...lazy import dataclass
from ...sql.script import Script
from ..environment.environment import Environment
from ..ledger.ledger import Entry, Ledger, Mark
from ..migration.migration import Seed, is_repeatable
from ..migration.selector import Selector
from ..schema.snapshot import SchemaObject, Snapshot
from .plan import Direction, Step, make_plan

if TYPE_CHECKING:
    from ..workspace.workspace import Workspace

_REVERTS = frozenset({Mark.ROLLED_BACK, Mark.REPAIRED})


def seed_step(seed: Seed) -> Step:
    """The step that runs a seed file. Such a step has no number."""
    return Step(Direction.APPLY, 0, seed.name, None, seed.checksum, seed.script)


@dataclass(frozen=True)
class ReplayTarget:
    """The properties of a throw-away database that decide which schema the same SQL produces."""

    major: int | None = None
    """The server's major version. None means the newest available version."""
    extensions: Mapping[str, str] = field(default_factory=dict)
    """Maps the name of each extension that the migrations may need to its version."""
    role: str = ""
    """The name of the role that applies the migrations."""
    search_path: str = ""
    database: str = ""
    """The name of the database. Empty if unknown."""
    given: str = ""
    """The SQL of the schemas that the platform creates. It runs before the first migration."""
    runs_as: str = "ctgitops_replay"
    """The role that runs the migrations. The role is a superuser only while a migration needs one."""


def like(live: Snapshot) -> ReplayTarget:
    """A target with the properties of the database that a snapshot describes."""
    about = live.about
    return ReplayTarget(about.major or None, live.extensions, about.role, about.search_path, about.database)


def steps_of(ledger: Ledger) -> tuple[Step, ...]:
    """The applied migrations in the order in which they were applied, with the ledger's SQL. Raises LedgerError."""
    return tuple(step_of(entry) for entry in ledger.in_order)


def steps_with_repeatable(ledger: Ledger) -> tuple[Step, ...]:
    """The applied migrations, and the runs of repeatable files, in the order in which they ran.

    Leaves out a run that precedes a rollback, if the file ran again later: its objects may be gone. Raises LedgerError
    if the ledger lacks the SQL of a migration.
    """
    applied = {entry.number: entry for entry in ledger.in_order}
    back = max((entry.id for entry in ledger.entries if entry.mark is Mark.ROLLED_BACK), default=0)
    newest = {entry.name: entry.id for entry in ledger.entries if is_run(entry)}
    steps: list[Step] = []
    for entry in ledger.entries:
        if is_run(entry) and (entry.id > back or entry.id == newest[entry.name]):
            steps.append(_repeatable_step(entry.name, Script(entry.sql or "", entry.name), entry.id))
        elif entry.number in applied and entry.marks_applied and entry.id > _undone_at(entry.number, ledger):
            steps.append(step_of(applied.pop(entry.number)))  # a later repair does not change the order
    return tuple(steps)


def _repeatable_step(name: str, script: Script, position: int) -> Step:
    """The step of a repeatable file. Its negative number is unique, because a run applies each number once."""
    return replace(seed_step(Seed(name, script)), number=-position)


def is_run(entry: Entry) -> bool:
    """Whether an entry records a run of a repeatable file."""
    return entry.number is None and entry.mark in {Mark.APPLIED, Mark.BASELINED} and is_repeatable(entry.name)


def _undone_at(number: int | None, ledger: Ledger) -> int:
    """The ID of the newest entry that reverted a migration. 0 if none did."""
    undone = (e.id for e in ledger.entries if e.number == number and e.mark in _REVERTS and not e.marks_applied)
    return max(undone, default=0)


def steps_of_files(workspace: Workspace, up_to: int | None = None) -> tuple[Step, ...]:
    """The steps that apply all files to an empty database, the repeatable files last. Uses no squashed file.

    With `up_to`, only the files up to that number. Raises WorkspaceError.
    """
    workspace = replace(workspace, squashes=())
    plan = make_plan(workspace, Environment("migrations", "", flags=None), Ledger(), Selector(number=up_to))
    if plan.blocked:
        problem = next(problem for problem in plan.problems if problem.blocks)
        raise WorkspaceError(problem.what, place=problem.place, hint=problem.hint or "ctgitops check")
    everything = up_to is None or all(m.number <= up_to for m in workspace.migrations)
    files = enumerate(workspace.repeatable if everything else (), start=1)
    return (*plan.steps, *(_repeatable_step(file.name, file.script, position) for position, file in files))


def step_of(entry: Entry) -> Step:
    """The step that repeats an applied migration, with the ledger's SQL. Raises LedgerError if there is no SQL."""
    if entry.sql is None or entry.number is None:
        what = f"the ledger has no SQL of {entry.name}, so the resulting schema is unknown"
        hint = f'`ctgitops repair {entry.number or 0:03} --env … --applied --reason "…"`, which stores the file\'s SQL'
        raise LedgerError(what, state="nothing was changed", hint=hint)
    path = f"migrations/{entry.name}.sql"
    return Step(
        Direction.APPLY,
        entry.number,
        entry.name,
        entry.schema_version,
        entry.checksum or "",
        Script(entry.sql, path),
        Script(entry.rollback_sql, path) if entry.rollback_sql else None,
    )


def with_versions_of(expected: Snapshot, live: Snapshot) -> tuple[Snapshot, tuple[str, ...]]:
    """The expected schema with the live schema's extension versions, and the different versions as text.

    CREATE EXTENSION installs the version in the server's packages, whatever version the migrations name.
    """
    there = live.by_key
    objects: list[SchemaObject] = []
    notes: list[str] = []
    for each in expected.objects:
        other = there.get(each.key)
        if each.kind != "extension" or other is None or each.attributes["version"] == other.attributes["version"]:
            objects.append(each)
            continue
        version, here = other.attributes["version"], each.attributes["version"]
        notes.append(
            f"extension {each.name} is {version} in the database and {here} here: its version was not compared"
        )
        objects.append(SchemaObject(each.kind, each.name, each.of, {**each.attributes, "version": version}))
    return Snapshot.of(objects, expected.about), tuple(notes)
