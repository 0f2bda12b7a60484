"""The history of environments: the runs in each ledger, the schema after each run, and what is unknown. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..gate.gate import Unreadable
from ..gate.override import UsedOverride, is_override, override_in
from ..ledger.ledger import Entry, Ledger, Mark
from ..ledger.open_prediction import NAME as PREDICTION
from ..migration.schema_version import SchemaVersion, highest
from .schema_tree import SchemaTree

if TYPE_CHECKING:
    from ..ledger.deprecation_list import ListedDeprecation
    from ..workspace.finding import Finding
    from .drift import DriftResult


class RunResult(StrEnum):
    """How a run ended, according to its entries."""

    APPLIED = "applied"
    SEEDED = "seeded"
    ROLLED_BACK = "rolled-back"
    BASELINED = "baselined"
    REPAIRED = "repaired"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    DEFERRED = "deferred"
    UNFINISHED = "unfinished"

    @property
    def is_bad(self) -> bool:
        """Whether the run did not complete."""
        return self in {RunResult.FAILED, RunResult.INTERRUPTED, RunResult.UNFINISHED}


_BY_MARK = {
    Mark.STARTED: RunResult.UNFINISHED,
    Mark.ROLLED_BACK: RunResult.ROLLED_BACK,
    Mark.BASELINED: RunResult.BASELINED,
    Mark.REPAIRED: RunResult.REPAIRED,
    Mark.INTERRUPTED: RunResult.INTERRUPTED,
    Mark.DEFERRED: RunResult.DEFERRED,
}


@dataclass(frozen=True)
class RecordedRun:
    """One run of a verb on one environment: consecutive entries of one plan by one actor."""

    entries: tuple[Entry, ...]
    version: SchemaVersion | None = None
    """The schema version after the run."""

    @property
    def result(self) -> RunResult:
        """How the run ended. A run with a failure has failed, even if it applied migrations before."""
        marks = [entry.mark for entry in self.entries]
        if Mark.FAILED in marks:
            return RunResult.FAILED
        last = self.entries[-1]
        if last.mark is Mark.APPLIED:
            return RunResult.APPLIED if any(e.number is not None for e in self.entries) else RunResult.SEEDED
        return _BY_MARK[last.mark]

    @property
    def first(self) -> Entry:
        """The first entry, which has the run's actor, commit, pull request and plan."""
        return self.entries[0]

    @property
    def started_at(self) -> datetime | None:
        """When the run's first migration started. None if no entry has a time."""
        return min(filter(None, (e.started_at or e.finished_at for e in self.entries)), default=None)

    @property
    def finished_at(self) -> datetime | None:
        """When the run's last migration ended. None if no entry has a time."""
        return max(filter(None, (e.finished_at or e.started_at for e in self.entries)), default=None)

    @property
    def millis(self) -> int | None:
        """The sum of the measured durations. None if no entry has a duration."""
        measured = [entry.millis for entry in self.entries if entry.millis is not None]
        return sum(measured) if measured else None

    @property
    def names(self) -> tuple[str, ...]:
        """The migrations and seed files of the run, without duplicates."""
        return tuple(dict.fromkeys(entry.name for entry in self.entries if not is_override(entry)))

    @property
    def overrides(self) -> tuple[UsedOverride, ...]:
        """The overrides with which the run started."""
        return tuple(used for entry in self.entries if (used := override_in(entry)))


@dataclass(frozen=True)
class Lane:
    """The history of one environment. If `unreadable` gives a reason, the other fields are empty."""

    environment: str
    unreadable: Unreadable | None = None
    ledger: Ledger = field(default_factory=Ledger)
    runs: tuple[RecordedRun, ...] = ()
    """The runs, oldest first."""
    nodes: Mapping[int, int | None] = field(default_factory=dict)
    """Maps each entry's ID to the node of the schema after the entry. The node is None if a migration is unfinished."""
    broken_at: int | None = None
    """The ID of the first entry whose hash does not continue the chain. None for an intact ledger."""
    drift: DriftResult | None = None
    """The drift. None if drift was not checked."""
    deprecations: tuple[ListedDeprecation, ...] = ()
    """The deprecated tables and columns that no applied migration has dropped."""

    @property
    def exit_status(self) -> int:
        """The exit status of the error that made the environment unreadable, otherwise 0."""
        return self.unreadable.exit_status if self.unreadable else 0


@dataclass(frozen=True)
class History:
    """The history of several environments."""

    lanes: tuple[Lane, ...]
    tree: SchemaTree = field(default_factory=SchemaTree)
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    """Maps the checksums of the files in the checkout to their lint findings."""
    without_schemas: str = ""
    """Why this history does not contain the schemas. Empty if it contains them."""
    servers: tuple[str, ...] = ()
    """The known differences between the throw-away servers and the real ones."""

    @property
    def exit_status(self) -> int:
        """The highest exit status of the environments that cannot be read, otherwise 0."""
        return max((lane.exit_status for lane in self.lanes), default=0)


def lane_of(environment: str, ledger: Ledger | Unreadable, tree: SchemaTree) -> Lane:
    """The lane of one environment. Adds the schemas of its ledger to `tree`."""
    if isinstance(ledger, Unreadable):
        return Lane(environment, ledger)
    broken = ledger.broken_at()
    return Lane(
        environment,
        ledger=ledger,
        runs=runs_of(ledger),
        nodes=tree.add(ledger),
        broken_at=broken.id if broken else None,
    )


def runs_of(ledger: Ledger) -> tuple[RecordedRun, ...]:
    """The runs in a ledger, oldest first. This is an approximation, because a ledger does not mark the end of a run."""
    groups: list[list[Entry]] = []
    for entry in ledger.entries:
        if entry.name == PREDICTION and entry.mark is not Mark.FAILED:
            continue  # a prediction that came true is not an event
        if not groups or not _continues(groups[-1], entry):
            groups.append([])
        groups[-1].append(entry)
    versions = _Versions()
    return tuple(RecordedRun(tuple(group), versions.after(group)) for group in groups)


def _continues(group: Collection[Entry], entry: Entry) -> bool:
    first = next(iter(group))
    if _author(entry) != _author(first) or (entry.plan is None and entry.mark is not first.mark):
        return False
    return all((each.name, each.mark) != (entry.name, entry.mark) for each in group)


def _author(entry: Entry) -> tuple[str | None, ...]:
    return entry.plan, entry.run_url, entry.actor, entry.commit_sha


@dataclass
class _Versions:
    """The schema version after each run, from one pass over the entries."""

    applied: dict[int, SchemaVersion | None] = field(default_factory=dict)
    version: SchemaVersion | None = None

    def after(self, entries: Collection[Entry]) -> SchemaVersion | None:
        for entry in entries:
            if entry.number is None:
                continue
            if entry.marks_applied:
                self.applied[entry.number] = entry.schema_version
            elif entry.mark in {Mark.ROLLED_BACK, Mark.REPAIRED}:
                self.applied.pop(entry.number, None)
        self.version = highest([version for version in self.applied.values() if version])
        return self.version
