"""Renders the comparison of an environment with its predecessor, as a part of the report about drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.ledger.drift_acceptance import change_data
from . import phrases
from .json import Object, error_data
from .terminal_text import on_one_line

if TYPE_CHECKING:
    from ..core.view.drift import PredecessorComparison

MOST_NAMES = 5
"""The maximum number of migrations that a remark names."""


def comparison_verdict(found: PredecessorComparison) -> str:
    """The result of a comparison, in a few words."""
    other = found.predecessor
    if found.error:
        return f"NOT COMPARED with {other}, so differences from {other} are unknown: {on_one_line(found.error.what)}"
    if found.changes:
        count = phrases.count(len(found.changes), "difference")
        return f"DIFFERS FROM {other}: {count} that no migration explains"
    if found.pending or found.ahead or found.repeatable:
        return f"migrations explain each difference from {other}"
    return f"no difference from {other}"


def comparison_sides(environment: str, found: PredecessorComparison) -> tuple[str, str]:
    """What `-` and `+` mean in a list of differences."""
    if not found.pending and found.ahead and not found.edited:
        return f"{found.predecessor} with the migrations of {environment}", environment
    if not found.pending and not found.ahead:
        return found.predecessor, environment
    return found.predecessor, f"{environment} with the migrations of {found.predecessor}"


def comparison_remarks(environment: str, found: PredecessorComparison) -> tuple[str, ...]:
    """What the result rests on: the migrations that only one environment has, and drift in either."""
    other = found.predecessor
    parts = (
        (found.pending, f"only in {other}, and taken into account"),
        (found.ahead, f"only in {environment}, and taken into account"),
        (found.edited, f"applied with other SQL in {other} than in {environment}"),
    )
    texts = [f"{phrases.count(len(names), 'migration')} {what}: {_names(names)}" for names, what in parts if names]
    if found.repeatable:
        count = phrases.count(len(found.repeatable), "repeatable file")
        texts.append(f"{count} with other SQL in one of the two, and taken into account: {_names(found.repeatable)}")
    texts += [
        f"{name} has {phrases.count(number, 'difference')} from its own ledger"
        for name, number in found.drifted
        if found.changes
    ]
    return (*texts, *(f"not matched: {on_one_line(note)}" for note in found.unmatched))


def _names(names: tuple[str, ...]) -> str:
    more = len(names) - MOST_NAMES
    return on_one_line(", ".join(names[:MOST_NAMES])) + (f" and {more} more" if more > 0 else "")


def comparison_next(environment: str, found: PredecessorComparison) -> tuple[str, ...]:
    """What to do about differences, or about a comparison that was not possible."""
    if found.error:
        return (found.error.hint,) if found.error.hint else ()
    if not found.changes:
        return ()
    other = found.predecessor
    by_hand = (f"`ctgitops drift --env {name}` shows what was changed by hand in {name}" for name, _ in found.drifted)
    return (
        *by_hand,
        f"`ctgitops diff {other} {environment}` shows all differences, also those that migrations explain",
        'to keep it, add a migration that also runs where the object exists (`ctgitops new "…"`, IF NOT EXISTS)',
        f"to undo it, change {other} or {environment} by hand",
        f"to ignore it, set `drift: {{ignore: [NAME]}}` in environments/{environment}.yaml",
    )


def comparison_data(found: PredecessorComparison) -> Object:
    """The comparison as JSON data."""
    return {
        "environment": found.predecessor,
        "state": found.state.value,
        "pending": list(found.pending),
        "ahead": list(found.ahead),
        "edited": list(found.edited),
        "repeatable": list(found.repeatable),
        "drifted": [name for name, _ in found.drifted],
        "unmatched": list(found.unmatched),
        "changes": [change_data(change) for change in found.changes],
        **({"error": error_data(found.error)} if found.error else {}),
    }
