"""Renders the differences between the schema that a run left and its prediction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .diff_lines import change_lines
from .terminal_text import on_one_line

if TYPE_CHECKING:
    from ..core.run.outcome import Outcome


def mismatch_lines(outcome: Outcome) -> Iterable[str]:
    """The schema that a run left, where it differs from the prediction. No lines without a difference."""
    if outcome.unpredicted:
        yield from ("", f"  the schema was not predicted: {on_one_line(outcome.unpredicted)}")
    if outcome.mismatch is None:
        return
    if outcome.mismatch.differs:
        yield from ("", "  - predicted schema, + schema of the database", "", *change_lines(outcome.mismatch.differs))
    else:
        yield from (
            "",
            "  this run's changes match the prediction; other parts of the schema have changed since the plan was made",
        )
    yield from (
        "",
        f"  next: do not apply this plan elsewhere; `ctgitops drift --env {outcome.plan.environment}` shows more",
    )
    repair = f'`ctgitops repair --env {outcome.plan.environment} --as-it-is --reason "…"`'
    yield f"  once the schema is corrected, run {repair}; until then environments after this one must wait"
