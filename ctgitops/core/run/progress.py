"""The progress events of a run, which listeners receive as they happen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..activity.blocker import Blocker
from ..activity.orphaned_backend import Orphan
from ..activity.session_settings import SessionSettings
from ..gate.health import Heard
from ..gate.preflight import PreflightConcern
from ..plan.plan import Plan, Step
from ..receipt import Receipt


@dataclass(frozen=True)
class LockAwaited:
    """Another run holds the lock of this database."""

    holder: str


@dataclass(frozen=True)
class OrphanAwaited:
    """A process of the server works on for a run that is gone, and may commit what that began."""

    orphan: Orphan


@dataclass(frozen=True)
class SessionSettled:
    """The session that carries the plan out is there, and says what holds in it."""

    settled: SessionSettings


@dataclass(frozen=True)
class MomentAwaited:
    """Something speaks against beginning now; it is looked at again."""

    concerns: tuple[PreflightConcern, ...]


@dataclass(frozen=True)
class MomentUnseen:
    """Something that nobody asked for by name could not be looked at."""

    what: str


@dataclass(frozen=True)
class PlanStarted:
    """The plan, made again under the lock, is now carried out."""

    plan: Plan


@dataclass(frozen=True)
class BackupAdvanced:
    """The backup came to its next part: dump, count, restore, compare."""

    what: str


@dataclass(frozen=True)
class Measure:
    """How far a dump or a restore is, by one look."""

    doing: str
    """`dumping` or `restoring`."""
    unit: str
    """Of what `done` counts: `written` for bytes of the dump, `rows`."""
    done: int
    percent: int | None
    """Of the tables' size or rows, about; None where it is not known, and never 100 before the end."""
    tables: tuple[int, int] | None = None
    """How many of how many tables with rows have some."""


@dataclass(frozen=True)
class BackupMeasured:
    """A look at a dump or a restore that is under way."""

    measure: Measure
    rate: float
    """Bytes or rows a second, since it began."""
    milestone: bool
    """Whether it is another tenth than before: what is worth a line in a log."""


@dataclass(frozen=True)
class BackupTaken:
    """The backup was restored and compared."""

    receipt: Receipt


@dataclass(frozen=True)
class StepStarted:
    """One migration begins."""

    step: Step
    position: int
    """Counted from 1."""
    of: int


@dataclass(frozen=True)
class StepWaited:
    """A step met its lock timeout and is retried; only of a transactional one is everything rolled back."""

    step: Step
    attempt: int
    seconds: float


@dataclass(frozen=True)
class OthersAwaited:
    """Others are at a table that a step will lock; it does not queue behind them, and looks again."""

    step: Step
    who: tuple[Blocker, ...]


@dataclass(frozen=True)
class StatementFinished:
    """One statement of a migration that runs outside a transaction is done."""

    step: Step
    position: int
    of: int
    millis: int


@dataclass(frozen=True)
class BatchFinished:
    """How far a batched migration is."""

    step: Step
    batches: int
    rows: int
    """All rows that were ever touched, also by earlier runs."""
    rate: float
    """Rows a second, in this run."""
    seconds_left: float
    """As PostgreSQL estimates the rows that are left; 0 where it does not know."""


@dataclass(frozen=True)
class BatchHeld:
    """A batched migration gives way to somebody."""

    step: Step
    why: str


@dataclass(frozen=True)
class StepResumed:
    """An earlier run did not finish it; what that did is not done again."""

    step: Step
    position: int
    """The statement with which it goes on, from 1."""
    of: int


@dataclass(frozen=True)
class LeftoverHealed:
    """What an interrupted statement left behind was put right."""

    step: Step
    what: str


@dataclass(frozen=True)
class BackendAwaited:
    """A process of the server still works on what an earlier run began."""

    step: Step
    backend: int
    doing: str


@dataclass(frozen=True)
class IndexAdvanced:
    """How far the server has come with an index that it builds."""

    step: Step
    phase: str
    done: int
    total: int
    """Of blocks, tuples or processes, whichever the phase counts; 0 where it counts nothing."""


@dataclass(frozen=True)
class CommitAwaited:
    """One migration or seed file is done inside the transaction of all; it is there when that is committed."""

    step: Step
    millis: int
    position: int
    of: int


@dataclass(frozen=True)
class StepFinished:
    """One migration and its ledger entry are in the database."""

    step: Step
    millis: int
    position: int
    of: int


@dataclass(frozen=True)
class TakeBackStarted:
    """A run that failed undoes what it had applied, as the manifest says."""

    plan: Plan
    """The plan backwards, which says why."""


@dataclass(frozen=True)
class HealthWatched:
    """The health query said something else than before; all is applied."""

    heard: Heard
    seconds_left: float


@dataclass(frozen=True)
class SeedFinished:
    """One seed file was run."""

    name: str
    millis: int


Progress = (
    LockAwaited
    | OrphanAwaited
    | SessionSettled
    | MomentAwaited
    | MomentUnseen
    | PlanStarted
    | BackupAdvanced
    | BackupMeasured
    | BackupTaken
    | StepStarted
    | StepWaited
    | OthersAwaited
    | StatementFinished
    | BatchFinished
    | BatchHeld
    | StepResumed
    | LeftoverHealed
    | BackendAwaited
    | IndexAdvanced
    | CommitAwaited
    | StepFinished
    | TakeBackStarted
    | HealthWatched
    | SeedFinished
)
Listener = Callable[[Progress], None]
