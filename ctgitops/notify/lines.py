"""What a person reads about each progress: one line of plain text."""

from __future__ import annotations

import re

from ..core.plan import Direction, Step
from ..core.progress import (
    BackupAdvanced,
    BackupTaken,
    LockAwaited,
    PlanStarted,
    Progress,
    SeedFinished,
    StatementFinished,
    StepFinished,
    StepStarted,
    StepWaited,
)

_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")


def line_of(progress: Progress) -> str:
    """What a person reads about a progress; empty for what is told by the line after it."""
    line = _of_the_run(progress)
    return line if line is not None else _of_a_step(progress)


def _of_the_run(progress: Progress) -> str | None:
    match progress:
        case LockAwaited(holder=holder):
            return f"waiting for another run to end: {clean(holder)}"
        case PlanStarted(plan=plan):
            return (
                f"{clean(plan.environment)}: plan {plan.fingerprint[:12]}, {len(plan.steps)} to {_verb(plan.direction)}"
            )
        case BackupAdvanced(what=what):
            return f"backup: {clean(what)}"
        case BackupTaken(receipt=receipt):
            return f"backup {receipt.id} restored once and compared; to bring it back: {clean(receipt.restore_with)}"
        case SeedFinished(name=name, millis=millis):
            return f"seed file {clean(name)} … ran in {took(millis)}"
        case _:
            return None


def _of_a_step(progress: Progress) -> str:
    match progress:
        case StepStarted(step=step, position=position, of=of):
            return "" if step.transactional else f"{_place(position, of)} {clean(step.name)} … outside a transaction"
        case StepWaited(step=step, attempt=attempt, seconds=seconds):
            return (
                f"{clean(step.name)} … a lock was not free (attempt {attempt}), no trace left; again in {seconds:.1f} s"
            )
        case StatementFinished(step=step, position=position, of=of, millis=millis):
            return f"{clean(step.name)} … statement {position} of {of} done in {took(millis)}"
        case StepFinished(step=step, millis=millis, position=position, of=of):
            return f"{_place(position, of)} {clean(step.name)} … {_past(step)} in {took(millis)}"
        case _:
            return ""


def took(millis: int) -> str:
    """`12 ms`, `3.4 s`."""
    return f"{millis} ms" if millis < 1000 else f"{millis / 1000:.1f} s"


def clean(text: str) -> str:
    """Text of a file or a database, which may not move the cursor, nor order GitHub's runner about with `##[`."""
    text = text.replace("##[", "##\N{ZERO WIDTH SPACE}[")
    return text if text.isascii() and text.isprintable() else _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def _place(position: int, of: int) -> str:
    return f"[{position}/{of}]"


def _verb(direction: Direction) -> str:
    return "apply" if direction is Direction.APPLY else "undo"


def _past(step: Step) -> str:
    return "applied" if step.direction is Direction.APPLY else "rolled back"
