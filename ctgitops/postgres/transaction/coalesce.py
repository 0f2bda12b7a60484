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
"""The largest growth of a batch: the first migrations may have been the fastest."""
QUICK_MILLISECONDS = 100
"""A person who watches should not wait longer than this for the next line."""


@dataclass
class Pace:
    """How many migrations to send in one message: more while they are quick, one after any failure."""

    size: int = 1
    ahead: dict[int, int] = field(default_factory=dict)
    """Milliseconds of migrations that already ran in a message with an earlier one, by number."""
    _positions: dict[int, int] = field(default_factory=dict)

    def choose(self, step: Step, plan: Plan) -> tuple[Step, ...]:
        """`step` and the following ones that can be in the same message."""
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
        """Adjusts the batch size to the server's milliseconds for each migration, toward QUICK_MILLISECONDS a message.

        Round trips are not included: the more distant a database is, the more a message with several migrations saves.
        """
        fit = len(took) * QUICK_MILLISECONDS // max(sum(took), 1)
        most = self.size * FASTER if len(took) >= self.size else self.size
        self.size = max(1, min(fit, most, MOST))

    def stumble(self) -> None:
        """Sends the next migration by itself after a failure."""
        self.size = 1


def _may_travel(step: Step) -> bool:
    if step.verify is not None or not step.transactional:
        return False
    return not step.script.traits & (Trait.OUTLIVES | Trait.SETS_TRANSACTION)
