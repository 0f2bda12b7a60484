"""Claims about time and impact in headers that the trial or the previous environment contradicts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from ...lazy import regex
from ..problem import Problem
from .projection import Bucket, Effect, Wait

if TYPE_CHECKING:
    from ...errors import Place
    from ..ledger.ledger import Ledger
    from ..plan.plan import Plan, Step

_AMOUNT = regex(
    r"(\d+(?:\.\d+)?|\ba|\bone)\s*(ms|milliseconds?|s|secs?|seconds?|m(?!\s*rows)|mins?|minutes?|h|hours?|d|days?)\b"
)
_SECONDS = {"ms": 0.001, "milli": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_BELOW = regex(r"\b(under|below|less than|at most|up to|within)\b|<")
_OPEN = regex(r"\b(over|more than|at least|from|depends|few|some)\b|>|\+")
_NONE = regex(r"(none|no (blocking|impact|downtime|locks?)|nobody waits|non-?blocking|zero[- ]downtime)\b")
_NOTHING = regex(r"(none|no impact)\b")
_FROM = {Bucket.SECONDS: 1.0, Bucket.UNDER_A_MINUTE: 10.0, Bucket.MINUTES: 60.0, Bucket.HOURS: 3600.0}
"""The minimum duration of each bucket, in seconds."""
_HINT = "correct the header, or the migration"


def claim_problems(
    plan: Plan, effects: Mapping[int, Effect], before: tuple[str, Ledger | None], destroys: Collection[str]
) -> Iterator[Problem]:
    """A warning for each header field that a measurement contradicts.

    `before` is the previous environment with its ledger. `destroys` contains the names of the steps that destroy data.
    """
    for step in plan.steps:
        wait = _longest(effects.get(step.number))
        if wait and wait.bucket and _exceeds(step.estimated, _FROM[wait.bucket]):
            text = f"the lock on {wait.held.relation} is held for {wait.bucket}, estimated from the number of rows"
            yield _problem(step, "Estimated Execution Time", step.estimated, text)
        elif took := _took(step, before):
            yield _problem(step, "Estimated Execution Time", step.estimated, took)
        if wait and wait.bucket and _NONE.match(step.impact.lower()):
            what = f"{wait.held.blocks} on {wait.held.relation} for {wait.bucket}"
            text = f"the migration blocks {what}, estimated from the number of rows"
            yield _problem(step, "Impact", step.impact, text)
        elif step.name in destroys and _NOTHING.match(step.impact.lower()):
            yield _problem(step, "Impact", step.impact, "the migration destroys data")


def stated_seconds(text: str) -> float | None:
    """The longest duration that a header states, in seconds. None without a duration or without an upper limit."""
    words = text.lower()
    if _OPEN.search(words):
        return None
    found = [_amount(number, unit) for number, unit in _AMOUNT.findall(words)]
    return max(found, default=0.0 if words.startswith(("instant", "immediate")) else None)


def _amount(number: str, unit: str) -> float:
    factor = _SECONDS["milli" if unit.startswith("milli") else unit if unit == "ms" else unit[0]]
    return (float(number) if number[0].isdigit() else 1.0) * factor


def _exceeds(stated: str, seconds: float) -> bool:
    limit = stated_seconds(stated)
    if limit is None:
        return False
    return seconds >= limit if _BELOW.search(stated.lower()) else seconds > limit


def _took(step: Step, before: tuple[str, Ledger | None]) -> str:
    """The time that the previous environment took, as text. Empty if the time was not longer than the header states."""
    name, ledger = before
    entry = ledger.applied.get(step.number) if ledger else None
    if entry is None or entry.millis is None or entry.checksum != step.checksum:
        return ""
    seconds = entry.millis / 1000
    return f"{name} took {seconds:.1f} s" if _exceeds(step.estimated, seconds) else ""


def _longest(effect: Effect | None) -> Wait | None:
    known = [wait for wait in effect.waits if wait.bucket is not None] if effect else []
    return max(known, key=lambda wait: wait.bucket or Bucket.INSTANT, default=None)


def _problem(step: Step, field: str, stated: str, text: str) -> Problem:
    return Problem("header-claim", f"`{field}: {stated}`, but {text}", _place(step, field), _HINT, blocks=False)


def _place(step: Step, field: str) -> Place:
    line = re.search(rf"^--[ \t]*{field}[ \t]*:", step.script.sql, re.MULTILINE)
    return step.script.place(line.start() if line else 0)
