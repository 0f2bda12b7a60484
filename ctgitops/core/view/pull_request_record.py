"""The record of a pull request: the state of its migrations in each environment, from the ledgers. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..gate.gate import Unreadable
from ..gate.override import UsedOverride, override_in
from ..ledger.ledger import Entry, Ledger, Mark
from ..ledger.reversal import changes_in
from .way_back import WayBack, way_back

if TYPE_CHECKING:
    from ..environment.environment import Environment
    from ..migration.schema_version import SchemaVersion
    from ..plan.flags import FlagWait

Ledgers = Mapping[str, Ledger | Unreadable]
ROWS = "rows"
"""The value that replaces the name of a gate if the migration failed because of rows. Correct rows are then enough."""
FINDING = "finding"
"""The value that replaces the name of a gate if a finding of severity error blocks the plan."""
NOT_ASKED = 2
"""The exit status for an environment whose secret is available only to another run."""


class Stage(StrEnum):
    """The state of a migration in one environment."""

    APPLIED = "applied"
    WAITING = "waiting"
    FAILED = "failed"
    UNFINISHED = "unfinished"
    ROLLED_BACK = "rolled back"
    UNREADABLE = "unreadable"
    BLOCKED = "blocked"
    """The run on the environment refused the plan and applied nothing."""
    CANCELLED = "cancelled"
    TAKEN_BACK = "taken back"
    """The run failed and rolled back the migrations that it had applied."""
    DIFFERS = "differs"
    """The schema after the run differs from the predicted schema."""
    FLAGGED = "waits for a flag"
    """A flag of the migration is not set in the manifest of the environment. No run applies the migration."""
    REMOVED = "removed"
    """The file of the migration is no longer on the branch. No run applies the migration."""


WORST_FIRST = (
    Stage.UNFINISHED,
    Stage.FAILED,
    Stage.DIFFERS,
    Stage.CANCELLED,
    Stage.UNREADABLE,
    Stage.TAKEN_BACK,
    Stage.BLOCKED,
    Stage.ROLLED_BACK,
    Stage.WAITING,
    Stage.FLAGGED,
    Stage.APPLIED,
    Stage.REMOVED,
)
_ENDS_WITH_ITS_FILE = frozenset({Stage.WAITING, Stage.FAILED, Stage.BLOCKED, Stage.CANCELLED, Stage.TAKEN_BACK})


@dataclass(frozen=True)
class PastRollback:
    """A rollback of a migration. Later, the migration was applied again, or a user allowed another apply."""

    at: datetime | None = None
    run_url: str = ""
    receipt: str = ""
    """The receipt of the backup taken before the rollback, as JSON text."""


@dataclass(frozen=True)
class Cell:
    """The state of one migration in one environment."""

    stage: Stage
    at: datetime | None = None
    run_url: str = ""
    error: str = ""
    receipt: str = ""
    """The receipt of the backup taken before the migration or its rollback, as JSON text."""
    past: tuple[PastRollback, ...] = ()


@dataclass(frozen=True)
class RecordRow:
    """One migration, with a cell for each environment."""

    number: int
    name: str
    version: SchemaVersion | None
    cells: tuple[Cell, ...]


READY = "ready"
"""The gate of a run whose wait for the environment in `after` has ended. A new run is needed."""


@dataclass(frozen=True)
class RunEnd:
    """The result of the last run on an environment, if that run did not apply the plan."""

    stage: Stage
    what: str
    hint: str = ""
    gates: tuple[str, ...] = ()
    """The gates that made the plan wait, such as `window`."""
    path: str = ""
    """The migration file that another pull request must correct. Empty if the same run can succeed later."""
    run_url: str = ""


@dataclass(frozen=True)
class Record:
    """The migrations of a pull request, with their states."""

    environments: tuple[Environment, ...]
    rows: tuple[RecordRow, ...]
    ends: Mapping[str, RunEnd] = field(default_factory=dict)
    """Maps each environment to the result of its last run. Leaves out runs that applied the plan."""
    ways_back: Mapping[str, WayBack] = field(default_factory=dict)
    """Maps environments to the way to undo the applied migrations of the pull request."""
    overrides: Mapping[str, tuple[UsedOverride, ...]] = field(default_factory=dict)
    """Maps environments to the overrides of the runs that applied or tried these migrations."""

    flag_waits: Mapping[str, tuple[FlagWait, ...]] = field(default_factory=dict)
    """Maps environments to the migrations that wait for a flag there."""

    def cells(self, environment: Environment) -> dict[str, Cell]:
        """Maps the name of each migration to its state in an environment."""
        index = self.environments.index(environment)
        return {row.name: row.cells[index] for row in self.rows}

    def worst(self, environment: Environment) -> Stage:
        """The worst state of an environment's migrations, according to the ledger and the files."""
        stages = {cell.stage for cell in self.cells(environment).values()}
        return min(stages, key=WORST_FIRST.index, default=Stage.WAITING)

    def stage(self, environment: Environment) -> Stage:
        """The worst of the migrations' states and the last run's result. Ignores a run that a rollback blocked."""
        worst = self.worst(environment)
        end = self.ends.get(environment.name)
        if worst is Stage.ROLLED_BACK and end and end.stage in (Stage.BLOCKED, Stage.WAITING):
            return worst  # the refusal is only a consequence of the rollback
        return min(worst, end.stage, key=WORST_FIRST.index) if end else worst


@dataclass(frozen=True, order=True)
class MigrationRef:
    """The names of one migration in ledgers and files."""

    number: int
    name: str
    version: SchemaVersion | None = None


def record_of(wanted: Iterable[MigrationRef], environments: tuple[Environment, ...], ledgers: Ledgers) -> Record:
    """The record of the migrations in `wanted`."""
    wanted = sorted({m.name: m for m in wanted}.values(), key=lambda m: m.number)
    rows = (
        RecordRow(m.number, m.name, m.version, tuple(_cell(m, ledgers.get(e.name)) for e in environments))
        for m in wanted
    )
    names = {m.name for m in wanted}
    found = ((name, way_back(names, ledger)) for name, ledger in ledgers.items() if isinstance(ledger, Ledger))
    used = ((name, _overrides(names, ledger)) for name, ledger in ledgers.items() if isinstance(ledger, Ledger))
    return Record(
        environments,
        tuple(rows),
        ways_back={name: way for name, way in found if way},
        overrides={name: each for name, each in used if each},
    )


def _overrides(names: Collection[str], ledger: Ledger) -> tuple[UsedOverride, ...]:
    """The overrides of the plans that contained these migrations, oldest first."""
    plans = {entry.plan for entry in ledger.entries if entry.number is not None and entry.name in names}
    return tuple(used for entry in ledger.entries if entry.plan in plans and (used := override_in(entry)))


def without_files(record: Record, gone: Collection[str]) -> Record:
    """The record after the files of some migrations were removed. Their pending states become `removed`."""
    if not gone:
        return record
    removed = Cell(Stage.REMOVED)
    rows = tuple(
        replace(row, cells=tuple(removed if cell.stage in _ENDS_WITH_ITS_FILE else cell for cell in row.cells))
        if row.name in gone
        else row
        for row in record.rows
    )
    now = replace(record, rows=rows, ends={})
    over = {e.name for e in now.environments if now.stage(e) is Stage.REMOVED}
    return replace(now, ends={name: end for name, end in record.ends.items() if name not in over})


def with_flags(record: Record, waits: Mapping[str, Mapping[str, FlagWait]]) -> Record:
    """The record with the migrations that wait for a flag. `waits[environment][migration]` is the wait."""
    rows = tuple(
        replace(
            row,
            cells=tuple(
                _flagged(cell, waits.get(environment.name, {}).get(row.name))
                for cell, environment in zip(row.cells, record.environments, strict=True)
            ),
        )
        for row in record.rows
    )
    now = replace(record, rows=rows, flag_waits={name: tuple(each.values()) for name, each in waits.items()})
    over = {environment.name for environment in now.environments if now.worst(environment) is Stage.FLAGGED}
    return replace(now, ends={name: end for name, end in record.ends.items() if name not in over})


def _flagged(cell: Cell, wait: FlagWait | None) -> Cell:
    return replace(cell, stage=Stage.FLAGGED, error=wait.text) if wait and cell.stage is Stage.WAITING else cell


def brought_by(pull_request: int, ledgers: Ledgers) -> tuple[MigrationRef, ...]:
    """The migrations whose ledger entries name the pull request."""
    return tuple(_named(e) for e in _entries(ledgers) if e.pull_request == pull_request and e.number is not None)


def touched_by(run_url: str, ledgers: Ledgers) -> tuple[Entry, ...]:
    """The ledger entries about migrations that one run wrote. Includes failures."""
    entries = (e for e in _entries(ledgers) if run_url and e.run_url == run_url)
    return tuple(e for e in entries if e.number is not None)


def pull_requests_of(names: Iterable[str], ledgers: Ledgers) -> tuple[int, ...]:
    """The pull requests that added these migrations, according to all ledgers, newest first.

    A release applies migrations that an earlier environment has. Only that environment's ledger names the pull request.
    """
    wanted = set(names)
    return tuple(
        sorted({e.pull_request for e in _entries(ledgers) if e.pull_request and e.name in wanted}, reverse=True)
    )


def _entries(ledgers: Ledgers) -> Iterable[Entry]:
    return (entry for ledger in ledgers.values() if isinstance(ledger, Ledger) for entry in ledger.entries)


def _named(entry: Entry) -> MigrationRef:
    return MigrationRef(entry.number or 0, entry.name, entry.schema_version)


def _cell(migration: MigrationRef, ledger: Ledger | Unreadable | None) -> Cell:
    if ledger is None or (isinstance(ledger, Unreadable) and ledger.exit_status == NOT_ASKED):
        return Cell(Stage.WAITING)
    if isinstance(ledger, Unreadable):
        return Cell(Stage.UNREADABLE, error=ledger.why)
    about = [e for e in ledger.entries if e.number == migration.number and e.name == migration.name]
    has = ledger.applied.get(migration.number)
    if has and has.name == migration.name:
        return replace(_told(Stage.APPLIED, has), past=_past(about, has))
    if not about:
        return Cell(Stage.WAITING)
    reversal = changes_in(ledger).reversals.get(migration.number)
    if reversal and reversal.undone.name == migration.name:
        cell = _told(Stage.ROLLED_BACK, reversal.entry, reversal.entry.error or "")
        return replace(cell, past=_past(about, reversal.entry))
    cell = _not_applied(about[-1], unfinished=migration.number in ledger.unfinished)
    return replace(cell, past=_past(about, about[-1]))


def _past(about: list[Entry], now: Entry) -> tuple[PastRollback, ...]:
    """The rollbacks before the entry that decides the current state, oldest first."""
    gone = (e for e in about if e.mark is Mark.ROLLED_BACK and e is not now)
    return tuple(PastRollback(e.finished_at or e.started_at, e.run_url or "", e.receipt or "") for e in gone)


def _not_applied(newest: Entry, *, unfinished: bool) -> Cell:
    if unfinished:
        going_on = "the next run resumes the migration" if newest.mark is Mark.DEFERRED else "the run did not finish"
        return _told(Stage.UNFINISHED, newest, newest.error or going_on)
    if newest.mark is Mark.INTERRUPTED:
        return _told(Stage.CANCELLED, newest, newest.error or "the run was interrupted")
    if newest.mark is Mark.FAILED:
        return _told(Stage.FAILED, newest, newest.error or newest.mark)
    # A rollback that is not a reversal: a failed run rolled back its own migration.
    return _told(Stage.TAKEN_BACK if newest.mark is Mark.ROLLED_BACK else Stage.WAITING, newest, newest.error or "")


def _told(stage: Stage, entry: Entry, error: str = "") -> Cell:
    at = entry.finished_at or entry.started_at
    return Cell(stage, at, entry.run_url or "", error, entry.receipt or "")
