"""Problems with the estimated duration of statements: long work under a lock, and the statement timeout. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ...errors import Place
from ..problem import Concern, Problem
from .projection import FACTOR, TRUSTED, Bucket, Effect, Wait

if TYPE_CHECKING:
    from ..environment.environment import Timeouts
    from ..plan.plan import Step
    from .impact import LockWindow


def impact_problems(steps: Iterable[Step], effects: Mapping[int, Effect], timeouts: Timeouts) -> tuple[Problem, ...]:
    """The problems with the duration of statements, for all migrations of a plan."""
    return tuple(problem for step in steps if step.number in effects for problem in _of(step, effects, timeouts))


def _of(step: Step, effects: Mapping[int, Effect], timeouts: Timeouts) -> Iterator[Problem]:
    effect = effects[step.number]
    yield from _under_locks(step, effect)
    yield from _too_long(step, effect, timeouts.statement.total_seconds())


def _under_locks(step: Step, effect: Effect) -> Iterator[Problem]:
    """At most one problem per statement. It concerns the strongest lock that is held while the statement works."""
    reported = {
        finding.place.line for finding in step.findings if finding.blocks_writes or finding.rule == "work-under-lock"
    }
    for wait, window in zip(effect.waits, effect.impact.windows, strict=True):
        line = _working(wait, window)
        if line is not None and line not in reported:
            reported.add(line)
            mode, relation = wait.held.mode.name.replace("_", " "), wait.held.relation.removeprefix("public.")
            long = "an unknown time" if wait.bucket is None else f"{wait.bucket} (estimate)"
            yield Problem(
                "work-under-lock",
                f"works under the {mode} lock that line {window.line} takes on `{relation}`, which blocks "
                f"{wait.held.blocks} until the commit: {long}",
                Place(step.script.path, line),
                hint="move the statement to an earlier or a later migration, in batches if it affects many rows",
                blocks=False,
                concern=Concern.LINT,
            )


def _working(wait: Wait, window: LockWindow) -> int | None:
    """The line of the first statement that works on tables while the lock is held. None if all this work is short."""
    if wait.bucket is Bucket.INSTANT or wait.least is Bucket.INSTANT:
        return None
    own, *later = window.during
    if own.queries or own.unmeasured:
        return own.line
    return next((each.line for each in later if each.tables), None)


def _too_long(step: Step, effect: Effect, limit: float) -> Iterator[Problem]:
    measured = effect.scaled if effect.scaled is not None and effect.scaled >= TRUSTED else None
    total = sum(time or 0.0 for time in effect.times)
    for statement, time in zip(effect.impact.statements, effect.times, strict=True):
        likely = measured * (time / total) if measured and time and total else time
        if limit and likely is not None and likely * FACTOR >= limit:
            sure = likely >= limit
            source = "the time in the previous environment" if measured else "an estimate"
            yield Problem(
                "statement-timeout",
                f"takes about {_minutes(likely)}, according to {source}; "
                f"`timeouts.statement` cancels it after {_minutes(limit)}",
                Place(step.script.path, statement.line),
                hint="use batches: `-- ctgitops: batch size=5000`, or raise `timeouts.statement` in the manifest",
                blocks=False,
                concern=Concern.LINT,
                fails=sure,
            )


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
