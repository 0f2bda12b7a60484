"""A step of a plan: one migration or squashed file to run, and the ledger entries that record it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ...sql.parse import SqlSyntaxError
from ...sql.script import Script
from ..ledger.ledger import CHANGES_NOTHING, Entry, Mark
from ..migration.header import Rollback
from ..migration.squash import as_warning, chosen, squash_problem

if TYPE_CHECKING:
    from ...sql.name_changes import ChangedName
    from ..ledger.ledger import Ledger
    from ..ledger.resumption import Resumption
    from ..migration.schema_version import SchemaVersion
    from ..migration.squash import Squash
    from ..problem import Problem
    from ..workspace.finding import Finding
    from ..workspace.workspace import Workspace


class Direction(StrEnum):
    """The direction of a plan. `forwards` applies the files, and `backwards` runs the rollback SQL in the ledger."""

    APPLY = "apply"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Step:
    """One migration to apply or roll back, with all data for its ledger entry."""

    direction: Direction
    number: int
    name: str
    version: SchemaVersion | None
    checksum: str
    """The checksum of the migration's file. For a rollback, the checksum of the applied file."""
    script: Script
    rollback_script: Script | None = None
    verify: Script | None = None
    breaking: bool = False
    rollback: Rollback = Rollback.NOT_AVAILABLE
    procedure: str = ""
    estimated: str = ""
    impact: str = ""
    description: str = ""
    resumption: Resumption | None = None
    """The position at which the step resumes, if an earlier run did a part of the step. Not part of `identity`."""
    findings: tuple[Finding, ...] = ()
    """The step's lint findings. Not part of `identity`."""
    replaces: tuple[Step, ...] = ()
    """The steps of the migrations that this step's squashed file replaces. Empty for any other step."""

    @cached_property
    def transactional(self) -> bool:
        """Whether the step and its ledger entry run in one transaction."""
        try:
            return self.script.transactional
        except SqlSyntaxError:
            return True

    @cached_property
    def batched(self) -> bool:
        """Whether the step runs in many short transactions until no rows are left."""
        try:
            return self.script.batch is not None
        except SqlSyntaxError:
            return False

    @cached_property
    def creates(self) -> tuple[ChangedName, ...]:
        """The tables and columns that the step creates, with the names that queries use."""
        try:
            return tuple(each for statement in self.script.statements for each in statement.creates)
        except SqlSyntaxError:
            return ()

    @property
    def singles(self) -> tuple[Step, ...]:
        """The steps with an entry in the ledger: those that a squashed file replaces, or this step."""
        return self.replaces or (self,)

    @cached_property
    def identity(self) -> tuple[str, ...]:
        """The values of the step that a fingerprint includes."""
        sums = (s.checksum if s else "" for s in (self.script, self.rollback_script, self.verify))
        own = (self.direction, str(self.number), self.name, self.checksum, *sums)
        return (*own, *(value for step in self.replaces for value in step.identity))


Steps = tuple[Step, ...]


def entry_of_step(mark: Mark, step: Step, error: str | None = None) -> Entry:
    """The entry for a step of a plan, with the SQL that the step ran. For current files, use `Entry.of_file`.

    For a squashed file, this is the entry of the last migration that it replaces, with that migration's SQL.
    """
    if step.replaces:
        return entry_of_step(mark, step.replaces[-1], error or _reason(step))
    version = str(step.version) if step.version else None
    rollback_sql = step.rollback_script.sql if step.rollback_script else None
    return Entry(mark, step.name, step.number, version, step.checksum, step.script.sql, rollback_sql, error=error)


def entries_beside(step: Step) -> tuple[Entry, ...]:
    """The entries that a squashed file writes before `entry_of_step`: its own text, and the other migrations.

    Each migration has its own checksum, SQL and rollback SQL, as if its file had run. Empty for any other step.
    """
    if not step.replaces:
        return ()
    reason = _reason(step)
    ran = f"ran instead of {len(step.replaces)} migration{'s' if step.replaces[1:] else ''}"
    text = Entry(Mark.BASELINED, step.script.path, checksum=step.checksum, sql=step.script.sql, error=ran)
    return (text, *(entry_of_step(Mark.APPLIED, each, reason) for each in step.replaces[:-1]))


def _reason(step: Step) -> str:
    return f"created by {step.script.path} ({step.checksum})"


def with_squash(steps: Steps, workspace: Workspace, ledger: Ledger) -> tuple[Steps, tuple[Problem, ...]]:
    """The steps of a plan, with a squashed file instead of the migrations that it replaces, if one is usable.

    A squashed file runs only in a database whose ledger has no entry but those of failed attempts. The second result
    has a warning for each squashed file that would run there if it were valid.
    """
    if any(entry.mark not in CHANGES_NOTHING for entry in ledger.entries):
        return steps, ()
    files = workspace.migrations
    ignored = tuple(as_warning(p) for each in workspace.squashes if (p := squash_problem(each, files)))
    by_number = {step.number: step for step in steps}
    squash = chosen(workspace.squashes, files, by_number)
    if squash is None:
        return steps, ignored
    replaced = tuple(by_number[migration.number] for migration in squash.members(files))
    return (squashed_step(squash, replaced), *(step for step in steps if step not in replaced)), ignored


def squashed_step(squash: Squash, replaced: Steps) -> Step:
    """The step that runs a squashed file. Its number and name are those of the last migration that it replaces."""
    last = replaced[-1]
    back = _rollback(squash, replaced)
    return replace(
        last,
        version=max((step.version for step in replaced if step.version), default=None),
        checksum=squash.script.checksum,
        script=squash.script,
        rollback_script=back,
        verify=None,
        breaking=False,
        rollback=Rollback.AVAILABLE if back else Rollback.NOT_AVAILABLE,
        procedure="",
        estimated="",
        impact="",
        description=f"{squash.path}, which replaces {squash.reach}",
        resumption=None,
        replaces=replaced,
    )


def _rollback(squash: Squash, replaced: Steps) -> Script | None:
    """The rollbacks of all replaced migrations, the last one first. None if one of them has no rollback file."""
    backs = [step.rollback_script for step in reversed(replaced)]
    if not all(backs):
        return None
    return Script(_joined(back.sql for back in backs if back), f"{squash.path} (rollback)")


def _joined(texts: Iterable[str]) -> str:
    return "".join(f"{text.rstrip()}\n;\n" for text in texts)
