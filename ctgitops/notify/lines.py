"""Formats a progress event as one line of plain text."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..core.migration.migration import is_repeatable
from ..core.plan.plan import Direction
from ..core.run import backup_progress as backup_events
from ..core.run import progress as events
from ..report.phrases import count, duration, millis, size
from ..report.terminal_text import on_one_line

if TYPE_CHECKING:
    from ..core.run.progress import Progress


def line_of(progress: Progress) -> str:
    """The line for an event. Empty if the line of the next event includes it."""
    of = (_of_others, _of_the_run, _of_the_load, _of_safeguards, _of_a_resumed_step, _of_batches, _of_a_step)
    return next((line for words in of if (line := words(progress)) is not None), "")


def worth_a_line(progress: Progress) -> bool:
    """Whether an event gets a line in a log. The live display shows all events."""
    return not isinstance(progress, backup_events.BackupMeasured) or progress.milestone


def _of_others(progress: Progress) -> str | None:
    match progress:
        case events.LockAwaited(holder=holder):
            return f"waiting for the run lock: {on_one_line(holder)}"
        case events.OrphanAwaited(orphan=orphan):
            return f"waiting: {on_one_line(orphan.text)}"
        case events.SessionConnected(settled=settled):
            return "; ".join(["session: " + on_one_line(settled.text[0]), *map(on_one_line, settled.text[1:])])
        case events.PreflightAwaited(concerns=concerns):
            more = f", and {len(concerns) - 1} more" if len(concerns) > 1 else ""
            return f"preflight: waiting, because {on_one_line(concerns[0].text)}{more}"
        case events.PreflightUnchecked(what=what):
            return f"not checked: {on_one_line(what)}"
        case _:
            return None


def _of_the_run(progress: Progress) -> str | None:
    match progress:
        case events.InterruptedRunFound(run=run):
            return f"found: {on_one_line(run.text)}"
        case events.ToolChangesRecorded(title=title, applied=applied, reverted=reverted):
            names = [f"applied {on_one_line(name)}" for name in applied]
            names += [f"reverted {on_one_line(name)}" for name in reverted]
            return f"recorded: {title} {', '.join(names)}"
        case events.PlanStarted(plan=plan):
            work = f"{len(plan.steps)} to {'apply' if plan.direction is Direction.APPLY else 'roll back'}"
            return f"{on_one_line(plan.environment)}: plan {plan.fingerprint[:12]}, {work}"
        case events.GatesOverridden(override=override):
            return f"OVERRIDE: {on_one_line(override.text)}"
        case events.SeedFinished(name=name, millis=millis):
            return f"{'repeatable' if is_repeatable(name) else 'seed'} file {on_one_line(name)} … ran in {took(millis)}"
        case _:
            return None


def _of_the_load(progress: Progress) -> str | None:
    match progress:
        case events.LoadWatched(seconds=seconds, applied=applied):
            measured = duration(timedelta(seconds=round(seconds)))
            if applied:
                done = "all migrations are applied and the run lock is free"
                return f"performance: {done}; measuring the load for {measured}"
            return f"performance: measuring the load for at least {measured} before the first migration"
        case events.LoadUnmeasured(what=what):
            return f"performance: not measured: {on_one_line(what)}"
        case _:
            return None


def _of_safeguards(progress: Progress) -> str | None:
    match progress:
        case backup_events.BackupAdvanced(what=what):
            return f"backup: {on_one_line(what)}"
        case backup_events.BackupMeasured(measure=measure, rate=rate):
            return f"backup: {_measured(measure, rate)}"
        case backup_events.BackupTaken(receipt=receipt):
            how = "verified by a restore" if receipt.by == "pg_dump" else f"taken and verified by {receipt.by}"
            return f"backup {on_one_line(receipt.id)} {how}; to restore it: {on_one_line(receipt.restore_with)}"
        case backup_events.RecoveryPointTaken(point=point):
            return f"recovery point: {on_one_line(point.text)}"
        case _:
            return None


def _measured(measure: backup_events.Measure, rate: float) -> str:
    """Formats progress: `restoring, about 42 %, 3 of 12 tables, 120,000 rows, 31,000 a second, 165,000 left`."""
    about = f", about {measure.percent} %" if measure.percent is not None else ""
    tables = f", {measure.tables[0]:,} of {count(measure.tables[1], 'table')}" if measure.tables else ""
    if measure.unit == "rows":
        left = f", {measure.left:,} left" if measure.left is not None else ""
        return f"{measure.doing}{about}{tables}, {count(measure.done, 'row')}, {rate:,.0f} a second{left}"
    left = f", {size(measure.left)} left" if measure.left is not None else ""
    return f"{measure.doing}{about}{tables}, {size(measure.done)} {measure.unit}, {size(round(rate))} a second{left}"


def _of_a_resumed_step(progress: Progress) -> str | None:
    match progress:
        case events.StepResumed(step=step, position=position, of=of):
            return f"{on_one_line(step.name)} … resumes at statement {position} of {of}"
        case events.LeftoverHealed(step=step, what=what):
            return f"{on_one_line(step.name)} … {on_one_line(what)}"
        case events.BackendAwaited(step=step, backend=backend, doing=doing):
            at = f"waiting for backend {backend} of an earlier run"
            return f"{on_one_line(step.name)} … {at}: {on_one_line(doing)}"
        case events.IndexAdvanced(step=step, phase=phase, done=done, total=total, position=position):
            share = f", {100 * done // total} % ({done:,} of {total:,})" if total else ""
            statement = f"statement {position}: " if position else ""
            return f"{on_one_line(step.name)} … {statement}{on_one_line(phase)}{share}"
        case events.BuildsStarted(step=step, positions=positions, builds=builds, fewer=fewer):
            which = f"statements {', '.join(map(str, positions))}: {builds} at the same time"
            return f"{on_one_line(step.name)} … {which}{f' ({on_one_line(fewer)})' if fewer else ''}"
        case _:
            return None


def _of_batches(progress: Progress) -> str | None:
    match progress:
        case events.BatchFinished(step=step, batches=batches, rows=rows, rate=rate, seconds_left=left):
            about = f", about {millis(round(left) * 1000)} left" if left >= 1 else ""
            so_far = f"{count(rows, 'row')} in {batches:,} {'batch' if batches == 1 else 'batches'}"
            return f"{on_one_line(step.name)} … {so_far}, {rate:,.0f} a second{about}"
        case events.BatchPaused(step=step, why=why):
            return f"{on_one_line(step.name)} … paused: {on_one_line(why)}"
        case _:
            return None


def _of_a_step(progress: Progress) -> str | None:
    match progress:
        case events.StepStarted(step=step, position=position, of=of):
            how = "" if step.transactional else "in batches" if step.batched else "outside a transaction"
            return f"{_place(position, of)} {on_one_line(step.name)} … {how}" if how else ""
        case events.StepWaited(step=step, attempt=attempt, seconds=seconds):
            kept = "rolled back" if step.transactional else "completed statements stay"
            timeout = f"lock timeout (attempt {attempt}), {kept}; retrying in {seconds:.1f} s"
            return f"{on_one_line(step.name)} … {timeout}"
        case events.BlockersAwaited(step=step, who=who):
            more = f", and {len(who) - 1} more" if len(who) > 1 else ""
            return f"{on_one_line(step.name)} … waiting before locking: {on_one_line(who[0].text)}{more}"
        case events.StatementFinished(step=step, position=position, of=of, millis=millis):
            return f"{on_one_line(step.name)} … statement {position} of {of} done in {took(millis)}"
        case events.StepFinished(step=step, millis=millis, position=position, of=of):
            done = "applied" if step.direction is Direction.APPLY else "rolled back"
            return f"{_place(position, of)} {on_one_line(step.name)} … {done} in {took(millis)}"
        case _:
            return _of_a_part(progress)


def _of_a_part(progress: Progress) -> str | None:
    match progress:
        case events.CommitAwaited(step=step, millis=millis, position=position, of=of):
            return f"{_place(position, of)} {on_one_line(step.name)} … done in {took(millis)}, not committed yet"
        case events.HealthWatched(result=result, seconds_left=left):
            said = f": {on_one_line(result.said)}" if result.said else ""
            return f"health: {result.state}{said}; checked for another {took(round(left) * 1000)}"
        case events.RollbackStarted(plan=plan):
            return f"{on_one_line(plan.environment)}: {len(plan.steps)} to roll back, {on_one_line(plan.why)}"
        case _:
            return None


def took(millis: int) -> str:
    """A duration as text, such as `12 ms` or `3.4 s`."""
    return f"{millis} ms" if millis < 1000 else f"{millis / 1000:.1f} s"


def _place(position: int, of: int) -> str:
    return f"[{position}/{of}]"
