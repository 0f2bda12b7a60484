"""Replay: turns the applied migrations into steps that rebuild the schema in a throw-away database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import LedgerError, WorkspaceError
from ...sql.script import Script
from ..environment.environment import Environment, Target
from ..ledger.ledger import Entry, Ledger
from ..schema.snapshot import SchemaObject, Snapshot
from ..workspace.workspace import Workspace
from .plan import Direction, Step, make_plan


@dataclass(frozen=True)
class ReplayTarget:
    """What a throw-away database should be like, so that the same SQL gives the same schema in it."""

    major: int | None = None
    """Of the server; None takes the newest there is."""
    extensions: Mapping[str, str] = field(default_factory=dict)
    """By name, the versions that may be needed."""
    role: str = ""
    """What whoever applies migrations is called there."""
    search_path: str = ""
    database: str = ""
    """What the database is called there; empty where that is not known."""


def like(live: Snapshot) -> ReplayTarget:
    """A throw-away database like the one that a snapshot was taken of."""
    about = live.about
    return ReplayTarget(about.major or None, live.extensions, about.role, about.search_path, about.database)


def steps_of(ledger: Ledger) -> tuple[Step, ...]:
    """All that a database has, in the order in which it got it, from the ledger's own SQL. Raises LedgerError."""
    return tuple(_step(entry) for entry in ledger.in_order)


def steps_of_files(workspace: Workspace, up_to: int | None = None) -> tuple[Step, ...]:
    """What all files, or those up to a number, would do to an empty database. Raises WorkspaceError."""
    plan = make_plan(workspace, Environment("migrations", ""), Ledger(), Target(number=up_to))
    if plan.blocked:
        problem = next(problem for problem in plan.problems if problem.blocks)
        raise WorkspaceError(problem.what, place=problem.place, hint=problem.hint or "ctgitops check")
    return plan.steps


def _step(entry: Entry) -> Step:
    if entry.sql is None or entry.number is None:
        what = f"the ledger has no SQL of {entry.name}, so nobody can say what schema it gives"
        hint = f'`ctgitops repair {entry.number or 0:03} --env … --applied --reason "…"`, which keeps the file\'s SQL'
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
    """The expected schema with the extensions' versions of the live one, and those that differ, in words.

    CREATE EXTENSION takes the version that a server's packages bring, so it says nothing about the schema.
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
        notes.append(f"extension {each.name} is {version} there and {here} here: its version was not compared")
        objects.append(SchemaObject(each.kind, each.name, each.of, {**each.attributes, "version": version}))
    return Snapshot.of(objects, expected.about), tuple(notes)
