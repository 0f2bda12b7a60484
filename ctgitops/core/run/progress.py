"""The progress events of a run. Listeners receive each event when it happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...lazy import dataclass
from .backup_progress import BackupAdvanced, BackupMeasured, BackupTaken, RecoveryPointTaken

if TYPE_CHECKING:
    from ..activity.blocker import Blocker
    from ..activity.interrupted_run import InterruptedRun
    from ..activity.orphaned_backend import Orphan
    from ..activity.session_settings import SessionSettings
    from ..gate.health import HealthResult
    from ..gate.override import UsedOverride
    from ..gate.preflight import PreflightConcern
    from ..plan.plan import Plan, Step
    from .outcome import Outcome


@dataclass(frozen=True)
class LockAwaited:
    """Waiting: another run holds the run lock of this database."""

    holder: str


@dataclass(frozen=True)
class OrphanAwaited:
    """Waiting: a backend of an ended run is still active. The backend may commit its work."""

    orphan: Orphan


@dataclass(frozen=True)
class InterruptedRunFound:
    """The last run on this database began a plan and ended without a result. That run may have notified no receiver."""

    run: InterruptedRun


@dataclass(frozen=True)
class ToolChangesRecorded:
    """The ledger now has the migrations that another tool applied and reverted since the last run."""

    title: str
    applied: tuple[str, ...]
    reverted: tuple[str, ...]


@dataclass(frozen=True)
class SessionConnected:
    """The migration session is connected. `settled` contains the session's effective settings."""

    settled: SessionSettings


@dataclass(frozen=True)
class PreflightAwaited:
    """Waiting: preflight found a reason not to begin now. Preflight checks again soon."""

    concerns: tuple[PreflightConcern, ...]


@dataclass(frozen=True)
class PreflightUnchecked:
    """A preflight condition that the manifest does not name could not be checked. The run continues."""

    what: str


@dataclass(frozen=True)
class PlanStarted:
    """The run holds the run lock, has made the plan again, and begins with its first step."""

    plan: Plan


@dataclass(frozen=True)
class GatesOverridden:
    """The run begins although a gate says wait. The ledger records the override."""

    plan: Plan
    override: UsedOverride


@dataclass(frozen=True)
class StepStarted:
    """A migration begins."""

    step: Step
    position: int
    """The position of the migration in the plan, counted from 1."""
    of: int


@dataclass(frozen=True)
class StepWaited:
    """A step reached its lock timeout and is retried. Only a transactional step was rolled back completely."""

    step: Step
    attempt: int
    seconds: float


@dataclass(frozen=True)
class BlockersAwaited:
    """Waiting: other sessions use a table that a step will lock. The step does not queue for the lock yet."""

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
    """The progress of a migration that runs in batches."""

    step: Step
    batches: int
    rows: int
    """The number of processed rows, including the rows of earlier runs."""
    rate: float
    """Rows per second in this run."""
    seconds_left: float
    """The estimated seconds until the end, from PostgreSQL's row count. 0 if unknown."""


@dataclass(frozen=True)
class BatchPaused:
    """A migration that runs in batches pauses for other sessions."""

    step: Step
    why: str


@dataclass(frozen=True)
class StepResumed:
    """An unfinished migration resumes. The migration's completed statements are skipped."""

    step: Step
    position: int
    """The position of the statement at which the migration resumes, counted from 1."""
    of: int


@dataclass(frozen=True)
class LeftoverHealed:
    """The leftovers of an interrupted statement were removed."""

    step: Step
    what: str


@dataclass(frozen=True)
class BackendAwaited:
    """Waiting: a backend is still executing a statement of an earlier run."""

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
    """The number of blocks, tuples or processes in the current phase. 0 if the phase counts nothing."""
    position: int = 0
    """The position of the statement, counted from 1. 0 if no other build runs at the same time."""


@dataclass(frozen=True)
class BuildsStarted:
    """Index builds of a migration that runs outside a transaction begin, several at the same time."""

    step: Step
    positions: tuple[int, ...]
    """The positions of the statements, counted from 1."""
    builds: int
    """How many of the builds run at the same time."""
    fewer: str = ""
    """Why fewer builds run at the same time than the manifest allows. Empty if not fewer."""


@dataclass(frozen=True)
class CommitAwaited:
    """A migration or seed file is done, but the shared transaction is not committed yet."""

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
class RollbackStarted:
    """After a failure, the run begins an automatic rollback, as the manifest requires."""

    plan: Plan
    """The rollback plan, including its reason."""


@dataclass(frozen=True)
class HealthWatched:
    """The result of the health query has changed after the last migration was applied."""

    result: HealthResult
    seconds_left: float


@dataclass(frozen=True)
class LoadWatched:
    """The run measures the load of the database."""

    seconds: float
    outcome: Outcome | None = None
    """The outcome without its report on the load. None before the first migration."""

    @property
    def applied(self) -> bool:
        """Whether all is applied. The run lock is then free."""
        return self.outcome is not None


@dataclass(frozen=True)
class LoadUnmeasured:
    """A sample of the load was not taken or not stored. The run continues."""

    what: str


@dataclass(frozen=True)
class SeedFinished:
    """A seed file is done."""

    name: str
    millis: int


Progress = (
    LockAwaited
    | OrphanAwaited
    | InterruptedRunFound
    | ToolChangesRecorded
    | SessionConnected
    | PreflightAwaited
    | PreflightUnchecked
    | PlanStarted
    | GatesOverridden
    | BackupAdvanced
    | BackupMeasured
    | BackupTaken
    | RecoveryPointTaken
    | StepStarted
    | StepWaited
    | BlockersAwaited
    | StatementFinished
    | BatchFinished
    | BatchPaused
    | StepResumed
    | LeftoverHealed
    | BackendAwaited
    | IndexAdvanced
    | BuildsStarted
    | CommitAwaited
    | StepFinished
    | RollbackStarted
    | HealthWatched
    | LoadWatched
    | LoadUnmeasured
    | SeedFinished
)
Listener = Callable[[Progress], None]
