"""Sends several small migrations in one message; each still has a transaction and a ledger entry of its own.

A distant database answers after 20 ms, and a small migration takes 1 ms, so a long history spends most of its time
waiting. Batching does not change a migration: an error ends the message at that migration, and all migrations before it
are committed and recorded. The others are then sent one by one, so that an error has a position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from ...core.plan.plan import Plan, Step
from ...sql.traits import Trait

MOST = 32
MOST_CHARACTERS = 200_000
FASTER = 4
"""So many times as many at most: the first of them may have been the quickest."""
QUICK_MILLISECONDS = 100
"""A person who watches should not wait longer than this for the next line."""


@dataclass
class Pace:
    """How many migrations to send together: more while they are quick, one after anything unexpected."""

    size: int = 1
    ahead: dict[int, int] = field(default_factory=dict)
    """By number, milliseconds of migrations that were carried out with one before them."""
    _positions: dict[int, int] = field(default_factory=dict)

    def choose(self, step: Step, plan: Plan) -> tuple[Step, ...]:
        """`step` and those after it that may travel with it."""
        if not self._positions:
            self._positions = {each.number: position for position, each in enumerate(plan.steps)}
        position = self._positions[step.number]
        following = plan.steps[position : position + self.size]
        chosen: list[Step] = []
        room = MOST_CHARACTERS
        for each in takewhile(_may_travel, following):
            room -= len(each.script.sql)
            if room < 0:
                break
            chosen.append(each)
        return tuple(chosen) or (step,)

    def learn(self, took: Sequence[int]) -> None:
        """So many milliseconds each took the server: the next are as many as take it what a person gladly waits for.

        The way there and back is no part of it: the farther a database is, the more it pays to send together.
        """
        fit = len(took) * QUICK_MILLISECONDS // max(sum(took), 1)
        most = self.size * FASTER if len(took) >= self.size else self.size
        self.size = max(1, min(fit, most, MOST))

    def stumble(self) -> None:
        """One of them failed: the next goes alone."""
        self.size = 1


def _may_travel(step: Step) -> bool:
    if step.verify is not None or not step.transactional:
        return False
    return not step.script.traits & (Trait.OUTLIVES | Trait.SETS_TRANSACTION)
