"""Sends several small migrations in one message. Each migration has its own transaction and ledger entry.

A round trip to a distant database takes 20 ms, a small migration only 1 ms. With one message per migration, a long run
would mostly wait. An error in one migration ends the message. The migrations before the error are committed and
recorded. The migrations that remain are then sent one by one, which gives the error a position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from itertools import takewhile
from typing import TYPE_CHECKING

from ...core.plan.plan import Direction, Plan, Step
from ...lazy import dataclass
from ...sql.traits import Trait
from ..connection.cancellable_query import Answer, Interrupted, exchange
from ..transaction.execute import Part, envelope, millis_in
from ..transaction.session_leaks import leaks_in
from ..transaction.step_failure import stopped

if TYPE_CHECKING:
    from ...core.activity.session_leak import SessionLeak
    from .lock_retry import Attempts

MOST = 32
MOST_CHARACTERS = 200_000
FASTER = 4
"""The maximum factor by which the number of migrations grows from one message to the next.

The factor is small, because later migrations may be slower.
"""
QUICK_MILLISECONDS = 100
"""The target duration of one message in milliseconds. It is short, because the log grows only after a message."""


@dataclass
class Pace:
    """The number of migrations in the next message. It grows after quick migrations, and is 1 after a failure."""

    size: int = 1
    _positions: dict[int, int] = field(default_factory=dict)

    def choose(self, step: Step, plan: Plan) -> tuple[Step, ...]:
        """`step`, and the steps after it in the plan that fit into the same message."""
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
        """Adjusts the number of migrations. The next message should take about QUICK_MILLISECONDS.

        `took` is the server's time for each migration in milliseconds, without round trips. A message with several
        migrations has only one round trip.
        """
        fit = len(took) * QUICK_MILLISECONDS // max(sum(took), 1)
        most = self.size * FASTER if len(took) >= self.size else self.size
        self.size = max(1, min(fit, most, MOST))

    def slow_down(self) -> None:
        """Limits the next message to one migration, after a failure."""
        self.size = 1


@dataclass
class Coalescer:
    """Runs several steps of one plan in one message. The steps must be quick, and no session may block them."""

    plan: Plan
    attempts: Attempts
    leaks: list[SessionLeak]
    pace: Pace = field(default_factory=Pace)
    ahead: dict[int, int] = field(default_factory=dict)
    """Maps step numbers to milliseconds, for steps that already ran in the message of an earlier step."""

    def run_ahead(self, step: Step, part_of: Callable[[Step], Part]) -> None:
        """Runs `step` and following steps in one message if possible. Adds the completed steps to `ahead`.

        The caller runs a failed step again, in a separate message. Raises ApplyError if the run is interrupted.
        """
        if step.number in self.ahead:
            return
        steps = self.pace.choose(step, self.plan)
        if len(steps) > 1 and not self.attempts.blockers(steps, patient=True):
            self._send(tuple(map(part_of, steps)))

    def _send(self, parts: tuple[Part, ...]) -> None:
        self.attempts.assert_lock_held()
        work, failure_report = self.attempts.work, self.attempts.failure_report
        connection = work.connected()
        texts = [envelope(connection, part).text for part in parts]
        try:
            answer = exchange(connection, ";\n".join(texts))
        except Interrupted as interrupted:
            self._catch_up(parts, interrupted.answer)
            ahead = (part.step.name for part in parts if part.step.number in self.ahead)
            failure_report.run_state.finished(*ahead, on_disk=False)
            pending = next((part for part in parts if part.step.number not in self.ahead), parts[-1])
            raise failure_report.record_failure(pending, stopped(interrupted)) from None
        if answer.failure:
            self._catch_up(parts, answer)
            return
        self.leaks += leaks_in(answer)
        work.unflushed = not parts[-1].last
        took = millis_in(answer)
        self.ahead |= {part.step.number: millis for part, millis in zip(parts, took, strict=True)}
        self.pace.learn(took)

    def _catch_up(self, parts: tuple[Part, ...], answer: Answer) -> None:
        """Reads from the ledger which steps of a failed message are done. Adds these steps to `ahead`."""
        self.pace.slow_down()
        work = self.attempts.work
        work.end_transaction(lost=answer.lost)
        applied = work.ledger().applied
        for number, direction in ((part.step.number, part.step.direction) for part in parts):
            if (number in applied) is (direction is Direction.APPLY):
                entry = applied.get(number)
                self.ahead[number] = (entry and entry.millis) or 0


def _may_travel(step: Step) -> bool:
    if step.verify is not None or step.replaces or not step.transactional:
        return False
    return not step.script.traits & (Trait.OUTLIVES | Trait.SETS_TRANSACTION)
