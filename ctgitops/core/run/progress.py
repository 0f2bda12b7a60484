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
    """Waiting: another run holds the run lock of this database."""

    holder: str


@dataclass(frozen=True)
class OrphanAwaited:
    """Waiting: a backend of an ended run is still active, and may commit what that run began."""

    orphan: Orphan


@dataclass(frozen=True)
class SessionSettled:
    """The migration session is connected; reports its effective settings."""

    settled: SessionSettings


@dataclass(frozen=True)
class MomentAwaited:
    """Waiting: preflight found a reason not to begin now; it checks again."""

    concerns: tuple[PreflightConcern, ...]


@dataclass(frozen=True)
class MomentUnseen:
    """A preflight condition that the manifest does not name could not be checked."""

    what: str


@dataclass(frozen=True)
class PlanStarted:
    """The plan was made again under the lock and now begins."""

    plan: Plan


@dataclass(frozen=True)
class BackupAdvanced:
    """The backup begins its next phase: dump, count, restore, compare."""

    what: str


@dataclass(frozen=True)
class Measure:
    """The progress of a dump or a restore at one moment."""

    doing: str
    """`dumping` or `restoring`."""
    unit: str
    """The unit of `done`: `written` for bytes of the dump, or `rows`."""
    done: int
    percent: int | None
    """Approximate percentage of the tables' size or rows; None where unknown, and never 100 before the end."""
    tables: tuple[int, int] | None = None
    """The number of tables with rows that have some already, and their total number."""


@dataclass(frozen=True)
class BackupMeasured:
    """The progress of a dump or a restore was measured."""

    measure: Measure
    rate: float
    """Bytes or rows per second since it began."""
    milestone: bool
    """Whether another 10 % is done: only then a log gets a line."""


@dataclass(frozen=True)
class BackupTaken:
    """The backup was taken, restored and compared."""

    receipt: Receipt


@dataclass(frozen=True)
class StepStarted:
    """A migration begins."""

    step: Step
    position: int
    """Counted from 1."""
    of: int


@dataclass(frozen=True)
class StepWaited:
    """A step ran into its lock timeout and is retried; only a transactional step was completely rolled back."""

    step: Step
    attempt: int
    seconds: float


@dataclass(frozen=True)
class OthersAwaited:
    """Waiting: other sessions use a table that a step will lock; instead of joining the lock queue, it checks again."""

    step: Step
    who: tuple[Blocker, ...]


@dataclass(frozen=True)
class StatementFinished:
    """A statement of a migration that runs outside a transaction is done."""

    step: Step
    position: int
    of: int
    millis: int


@dataclass(frozen=True)
class BatchFinished:
    """The progress of a batched migration."""

    step: Step
    batches: int
    rows: int
    """All rows processed, including those of earlier runs."""
    rate: float
    """Rows per second in this run."""
    seconds_left: float
    """Estimated from PostgreSQL's row count; 0 where unknown."""


@dataclass(frozen=True)
class BatchHeld:
    """A batched migration pauses for other sessions."""

    step: Step
    why: str


@dataclass(frozen=True)
class StepResumed:
    """A migration resumes after an unfinished run; statements that are done are skipped."""

    step: Step
    position: int
    """The statement at which it resumes, from 1."""
    of: int


@dataclass(frozen=True)
class LeftoverHealed:
    """The remains of an interrupted statement were cleaned up."""

    step: Step
    what: str


@dataclass(frozen=True)
class BackendAwaited:
    """Waiting: a backend still runs a statement of an earlier run."""

    step: Step
    backend: int
    doing: str


@dataclass(frozen=True)
class IndexAdvanced:
    """The progress of an index build, as the server reports it."""

    step: Step
    phase: str
    done: int
    total: int
    """The number of blocks, tuples or processes, depending on the phase; 0 where nothing is counted."""


@dataclass(frozen=True)
class CommitAwaited:
    """A migration or seed file is done inside the shared transaction; it is applied when that commits."""

    step: Step
    millis: int
    position: int
    of: int


@dataclass(frozen=True)
class StepFinished:
    """A migration and its ledger entry are committed."""

    step: Step
    millis: int
    position: int
    of: int


@dataclass(frozen=True)
class TakeBackStarted:
    """A failed run begins an automatic rollback, as the manifest requires."""

    plan: Plan
    """The rollback plan, with its reason."""


@dataclass(frozen=True)
class HealthWatched:
    """The result of the health query has changed; everything is applied."""

    heard: Heard
    seconds_left: float


@dataclass(frozen=True)
class SeedFinished:
    """A seed file is done."""

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
