"""The current activity of a run in a few words, for the lease row that other sessions read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import backup_progress as backup_events
from . import progress as events

if TYPE_CHECKING:
    from .progress import Progress


def activity_text(progress: Progress) -> str | None:
    """What the run does after an event. None if the event does not change the activity."""
    return next((text for words in (_waits, _works, _protects) if (text := words(progress)) is not None), None)


def _waits(progress: Progress) -> str | None:
    match progress:
        case events.PreflightAwaited(concerns=concerns):
            return f"preflight waits: {concerns[0].text}"
        case events.BlockersAwaited(step=step, who=who):
            more = f", and {len(who) - 1} more" if len(who) > 1 else ""
            return f"{step.name}: waits for {who[0].text}{more}, before it requests a lock"
        case events.StepWaited(step=step, attempt=attempt):
            return f"{step.name}: lock timeout in attempt {attempt}, retrying"
        case events.BatchPaused(step=step, why=why):
            return f"{step.name}: paused: {why}"
        case events.BackendAwaited(step=step, backend=backend):
            return f"{step.name}: waits for backend {backend} of an earlier run"
        case _:
            return None


def _works(progress: Progress) -> str | None:
    match progress:
        case events.StepResumed(step=step, position=position, of=of):
            return f"{step.name}: statement {position} of {of}"
        case events.StatementFinished(step=step, position=position, of=of) if position < of:
            return f"{step.name}: statement {position + 1} of {of}"
        case events.BatchFinished(step=step, rows=rows, rate=rate, seconds_left=left):
            rest = f", about {left:.0f} s left" if left >= 1 else ""
            return f"{step.name}: {rows:,} rows in batches, {rate:,.0f} a second{rest}"
        case events.CommitAwaited(step=step):
            return f"{step.name}: done, not committed yet"
        case _:
            return _builds(progress)


def _builds(progress: Progress) -> str | None:
    match progress:
        case events.BuildsStarted(step=step, positions=positions, builds=builds):
            return f"{step.name}: statements {', '.join(map(str, positions))}, {builds} at the same time"
        case events.IndexAdvanced(step=step, phase=phase, done=done, total=total, position=position):
            statement = f"statement {position}: " if position else ""
            return f"{step.name}: {statement}{phase}{f', {100 * done // total} %' if total else ''}"
        case _:
            return None


def _protects(progress: Progress) -> str | None:
    match progress:
        case backup_events.BackupAdvanced(what=what):
            return f"its backup: {what}"
        case backup_events.BackupMeasured(measure=measure):
            share = f", about {measure.percent} %" if measure.percent is not None else ""
            tables = f", {measure.tables[0]} of {measure.tables[1]} tables" if measure.tables else ""
            return f"its backup: {measure.doing}{share}{tables}"
        case _:
            return None
