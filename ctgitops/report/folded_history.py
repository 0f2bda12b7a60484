"""Folds the history of an adopted repository on pages: one row for all migrations before the first plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..core.migration.header import Rollback
from ..core.schema.compare import KINDS, Added, Removed
from . import phrases

if TYPE_CHECKING:
    from ..core.plan.plan import Plan, Step
    from ..core.trial.trial import Trial
    from ..core.view.preview import PlanResult, Preview

FEWEST = 5
"""A shorter history is shown like other migrations."""
MOST_LINES = 40
"""Maximum number of lines of schema changes of a folded history. A longer list is counted by kind."""
MOST_EFFECTS = 5
"""Maximum number of migrations of a folded history whose effect has a line."""

Effects = tuple[str, tuple[str, ...]]
"""The name of a step, and the lines about its effect on other sessions."""


def folded(plan: Plan) -> tuple[Step, ...]:
    """The steps that pages show as one row. Empty if the history is short."""
    steps = tuple(step for step in plan.steps if step.name in plan.history)
    return steps if len(steps) > FEWEST else ()


def unfolded(plan: Plan) -> tuple[Step, ...]:
    """The steps that pages show in a row each."""
    hidden = set(folded(plan))
    return tuple(step for step in plan.steps if step not in hidden)


def title(steps: tuple[Step, ...]) -> str:
    """The range of the folded steps."""
    return f"{phrases.count(len(steps), 'migration')} of the history: {steps[0].name} … {steps[-1].name}"


def transactions(steps: tuple[Step, ...]) -> str:
    """The number of steps that do not run in one transaction, if any."""
    others = sum(not step.transactional for step in steps)
    return f"{others} with NO TRANSACTION" if others else "one transaction each"


def rollbacks(steps: tuple[Step, ...]) -> str:
    """The number of steps that are irreversible, or have a procedure for their rollback."""
    counted = Counter(step.rollback for step in steps)
    if not counted[Rollback.NOT_AVAILABLE]:
        return "Available" if not counted[Rollback.MANUAL] else f"{counted[Rollback.MANUAL]} Manual"
    all_of = "IRREVERSIBLE" if counted[Rollback.NOT_AVAILABLE] == len(steps) else ""
    return all_of or f"{counted[Rollback.NOT_AVAILABLE]} IRREVERSIBLE"


def changes_by_kind(proof: Trial) -> list[str]:
    """One line for each kind of change, such as `+ table: 25`, in the order of the whole list."""
    signs = (
        (("+" if isinstance(c, Added) else "-" if isinstance(c, Removed) else "~"), c.object) for c in proof.changes
    )
    counted = Counter((sign, each.kind) for sign, each in signs)
    order = {kind: rank for rank, kind in enumerate(KINDS)}
    ranked = sorted(counted, key=lambda key: (order.get(key[1], len(order)), key[1], key[0]))
    return [f"{sign}   {kind}: {counted[sign, kind]}" for sign, kind in ranked]


def schema_of(preview: Preview, lines: list[str]) -> list[str]:
    """The schema changes of a preview. Counts them by kind if a folded history makes the list long."""
    if preview.proof is None or not folded(preview.plan) or len(lines) <= MOST_LINES:
        return lines
    return [*changes_by_kind(preview.proof), "", "# the whole list: ctgitops plan --format json"]


def effects_of(plan: Plan, effects: Iterable[Effects], no_blocking: str) -> list[Effects]:
    """The effects of each step. Of a folded history, keeps a few steps that block other sessions."""
    hidden = {step.name for step in folded(plan)}
    shown = [(name, lines) for name, lines in effects if lines]
    ours = [lines for name, lines in shown if name in hidden]
    if not ours:
        return shown
    blocking = [(name, lines) for name, lines in shown if name in hidden and lines != (no_blocking,)]
    more = len(blocking) - MOST_EFFECTS
    others = f"{more} of them block other sessions" if more > 0 else no_blocking
    rest = phrases.count(len(ours) - len(blocking[:MOST_EFFECTS]), "other migration")
    return [
        *blocking[:MOST_EFFECTS],
        (f"{rest} of the history", (others,)),
        *(each for each in shown if each[0] not in hidden),
    ]


def hidden_in(results: tuple[PlanResult, ...]) -> frozenset[tuple[str, ...]]:
    """The identities of the steps that all plans with these steps fold."""
    plans = phrases.plans(results)
    shown = {step.identity for plan in plans for step in unfolded(plan)}
    return frozenset(step.identity for plan in plans for step in folded(plan)) - shown
