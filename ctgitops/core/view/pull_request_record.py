"""The record of a pull request: the state of its migrations in each environment, from the ledgers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ..environment.environment import Environment
from ..gate.gate import Unreadable
from ..ledger.ledger import Entry, Ledger, Mark
from ..ledger.reversal import changes_in
from ..migration.schema_version import SchemaVersion

Ledgers = Mapping[str, Ledger | Unreadable]
NOT_ASKED = 2
"""The exit status for an environment whose secret this run was not given, because another run has it."""


class Stage(StrEnum):
    """The state of a migration in one environment."""

    APPLIED = "applied"
    WAITING = "waiting"
    FAILED = "failed"
    UNFINISHED = "unfinished"
    ROLLED_BACK = "rolled back"
    UNREADABLE = "unreadable"
    BLOCKED = "blocked"
    """The environment's run refused its plan."""


@dataclass(frozen=True)
class Cell:
    """The state of one migration in one environment."""

    stage: Stage
    at: datetime | None = None
    run_url: str = ""
    error: str = ""
    receipt: str = ""
    """The receipt of the backup taken before the migration, as JSON text."""


@dataclass(frozen=True)
class RecordRow:
    """One migration, with a cell for each environment."""

    number: int
    name: str
    version: SchemaVersion | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Record:
    """The migrations of a pull request, with their states."""

    environments: tuple[Environment, ...]
    rows: tuple[RecordRow, ...]

    def stages(self, environment: Environment) -> frozenset[Stage]:
        """The states of all migrations in an environment."""
        index = self.environments.index(environment)
        return frozenset(row.cells[index].stage for row in self.rows)


@dataclass(frozen=True, order=True)
class MigrationRef:
    """The names of a migration in ledgers and files."""

    number: int
    name: str
    version: SchemaVersion | None = None


def record_of(wanted: Iterable[MigrationRef], environments: tuple[Environment, ...], ledgers: Ledgers) -> Record:
    """The record of the migrations in `wanted`."""
    rows = (
        RecordRow(m.number, m.name, m.version, tuple(_cell(m, ledgers.get(e.name)) for e in environments))
        for m in sorted({m.name: m for m in wanted}.values(), key=lambda m: m.number)
    )
    return Record(environments, tuple(rows))


def brought_by(pull_request: int, ledgers: Ledgers) -> tuple[MigrationRef, ...]:
    """The migrations whose ledger entries name the pull request."""
    return tuple(_named(e) for e in _entries(ledgers) if e.pull_request == pull_request and e.number is not None)


def touched_by(run_url: str, ledgers: Ledgers) -> tuple[Entry, ...]:
    """The ledger entries about migrations that one run wrote, including failures."""
    entries = (e for e in _entries(ledgers) if run_url and e.run_url == run_url)
    return tuple(e for e in entries if e.number is not None)


def pull_requests_of(names: Iterable[str], ledgers: Ledgers) -> tuple[int, ...]:
    """The pull requests that added these migrations, according to all ledgers, newest first.

    A release applies what an earlier environment has, and only that environment's ledger names the pull request.
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
        return _told(Stage.APPLIED, has)
    if not about:
        return Cell(Stage.WAITING)
    reversal = changes_in(ledger).reversals.get(migration.number)
    if reversal and reversal.undone.name == migration.name:
        return _told(Stage.ROLLED_BACK, reversal.entry, reversal.entry.error or "")
    return _not_applied(about[-1], unfinished=migration.number in ledger.unfinished)


def _not_applied(newest: Entry, *, unfinished: bool) -> Cell:
    if unfinished:
        going_on = "the next run resumes it" if newest.mark is Mark.DEFERRED else "it did not finish"
        return _told(Stage.UNFINISHED, newest, newest.error or going_on)
    if newest.mark in (Mark.FAILED, Mark.INTERRUPTED):
        return _told(Stage.FAILED, newest, newest.error or newest.mark)
    return _told(Stage.ROLLED_BACK if newest.mark is Mark.ROLLED_BACK else Stage.WAITING, newest, newest.error or "")


def _told(stage: Stage, entry: Entry, error: str = "") -> Cell:
    at = entry.finished_at or entry.started_at
    return Cell(stage, at, entry.run_url or "", error, entry.receipt or "")
