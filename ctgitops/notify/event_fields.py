"""The name, level and fields of each progress event, for JSON lines and traces.

No field contains data of a row or text of SQL.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..core.gate.health import HealthState
from ..core.run import backup_progress as backup_events
from ..core.run import progress as events

if TYPE_CHECKING:
    from ..core.plan.plan import Step
    from ..core.run.progress import Progress

Fields = dict[str, Any]

_WARNINGS = (
    events.LockAwaited,
    events.OrphanAwaited,
    events.PreflightAwaited,
    events.PreflightUnchecked,
    events.StepWaited,
    events.BlockersAwaited,
    events.BatchPaused,
    events.BackendAwaited,
    events.LeftoverHealed,
    events.RollbackStarted,
    events.InterruptedRunFound,
    events.GatesOverridden,
    events.LoadUnmeasured,
)


def name_of(progress: Progress) -> str:
    """The event's name, such as `step-finished`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(progress).__name__).lower()


def level_of(progress: Progress) -> str:
    """The level of an event: `warning` if the run waits, retries or reverts, otherwise `info`."""
    if isinstance(progress, events.HealthWatched):
        return "info" if progress.result.state is HealthState.WELL else "warning"
    return "warning" if isinstance(progress, _WARNINGS) else "info"


def environment_of(progress: Progress) -> str:
    """The environment that the event names. Empty if the event names none."""
    match progress:
        case events.PlanStarted(plan=plan) | events.RollbackStarted(plan=plan) | events.GatesOverridden(plan=plan):
            return plan.environment
        case backup_events.BackupTaken(receipt=receipt):
            return receipt.environment
        case _:
            return ""


def step_of(progress: Progress) -> Step | None:
    """The migration to which the event belongs. None if it belongs to no migration."""
    return getattr(progress, "step", None)


def fields_of(progress: Progress) -> Fields:
    """The numbers and names in an event."""
    found = next(
        (fields for of in (_of_a_run, _of_options, _of_a_backup, _of_a_step) if (fields := of(progress)) is not None),
        {},
    )
    if step := step_of(progress):
        found |= {"direction": step.direction.value, "transactional": step.transactional}
    return found


def _of_a_run(progress: Progress) -> Fields | None:  # noqa: PLR0911 - one per event
    match progress:
        case events.PlanStarted(plan=plan):
            fields = {"fingerprint": plan.fingerprint, "steps": len(plan.steps), "seeds": len(plan.seeds)}
            return fields | {"direction": plan.direction.value}
        case events.RollbackStarted(plan=plan):
            return {"steps": len(plan.steps), "direction": plan.direction.value}
        case events.PreflightAwaited(concerns=concerns):
            return {"conditions": sorted({each.what for each in concerns})}
        case events.OrphanAwaited(orphan=orphan):
            return {"backend": orphan.pid}
        case backup_events.RecoveryPointTaken(point=point):
            return {"lsn": point.lsn, "archive": point.archive.value}
        case events.HealthWatched(result=result, seconds_left=left):
            return {"health": result.state.value, "seconds_left": round(left, 1)}
        case events.SeedFinished(name=name, millis=millis):
            return {"seed": name, "millis": millis}
        case _:
            return None


def _of_options(progress: Progress) -> Fields | None:
    """The fields of optional events, which occur only in some runs."""
    match progress:
        case events.GatesOverridden(override=override):
            return {"gates": list(override.gates)}
        case events.ToolChangesRecorded(title=title, applied=applied, reverted=reverted):
            return {"tool": title, "tool_applied": list(applied), "tool_reverted": list(reverted)}
        case events.LoadWatched(seconds=seconds, applied=applied):
            return {"seconds": round(seconds, 1), "applied": applied}
        case _:
            return None


def _of_a_backup(progress: Progress) -> Fields | None:
    match progress:
        case backup_events.BackupMeasured(measure=measure, rate=rate):
            fields = {"doing": measure.doing, "unit": measure.unit, "done": measure.done, "rate": round(rate, 1)}
            return fields | {"percent": measure.percent, "left": measure.left}
        case backup_events.BackupTaken(receipt=receipt):
            total = sum(each.bytes for each in receipt.files.values())
            return {"backup": receipt.id, "bytes": total, "tables": len(receipt.rows), "by": receipt.by}
        case _:
            return None


def _of_a_step(progress: Progress) -> Fields | None:  # noqa: PLR0911 - one per event
    match progress:
        case events.StepWaited(attempt=attempt, seconds=seconds):
            return {"attempt": attempt, "retry_in": round(seconds, 3)}
        case events.BlockersAwaited(who=who):
            return {"backends": [each.pid for each in who if each.pid is not None]}
        case events.BatchFinished(batches=batches, rows=rows, rate=rate, seconds_left=left):
            return {"batches": batches, "rows": rows, "rate": round(rate, 1), "seconds_left": round(left, 1)}
        case events.BackendAwaited(backend=backend):
            return {"backend": backend}
        case events.StatementFinished() | events.StepFinished() | events.CommitAwaited():
            return {"position": progress.position, "of": progress.of, "millis": progress.millis}
        case events.StepStarted(position=position, of=of) | events.StepResumed(position=position, of=of):
            return {"position": position, "of": of}
        case _:
            return _of_builds(progress)


def _of_builds(progress: Progress) -> Fields | None:
    match progress:
        case events.IndexAdvanced(phase=phase, done=done, total=total, position=position):
            statement = {"position": position} if position else {}
            return {"phase": phase, "done": done, "total": total, **statement}
        case events.BuildsStarted(positions=positions, builds=builds):
            return {"positions": list(positions), "builds": builds}
        case _:
            return None
