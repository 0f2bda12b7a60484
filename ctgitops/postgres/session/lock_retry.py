"""Retries a step after a lock timeout. Before each attempt, waits until other sessions release their locks.

Requests no lock during this wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, TypeVar

from ...core.activity.blocker import Blocker, blockers_text
from ...core.run.progress import BlockersAwaited, Listener, StepWaited
from ...errors import Cause
from ...lazy import dataclass
from ..connection.cancellable_query import Failure, Interrupted, rest
from ..connection.failure_cause import LOCK_NOT_AVAILABLE
from ..transaction.step_failure import StepFailed, stopped
from .blockers import BlockerWatch, spot_of_lock

if TYPE_CHECKING:
    from ...core.plan.plan import Step
    from ..transaction.execute import Part
    from .failure_report import FailureReport
    from .migration_connection import MigrationConnection

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, LOOK_SECONDS = 0.2, 5.0, 0.2
Result = TypeVar("Result")


@dataclass
class Attempt:
    """An attempt at one part, or at all parts of one transaction. `at` is the index of the current part."""

    parts: tuple[Part, ...]
    at: int = 0

    @property
    def part(self) -> Part:
        """The current part."""
        return self.parts[self.at]


@dataclass
class Attempts:
    """The attempts of one run. After a lock timeout, the run retries for `patience` seconds."""

    work: MigrationConnection
    failure_report: FailureReport
    assert_lock_held: Callable[[], None]
    tell: Listener
    patience: float
    watch: BlockerWatch = field(default_factory=BlockerWatch)

    def retrying(self, attempt: Attempt, work: Callable[[], Result]) -> Result:
        """Runs `work`, retries it after a lock timeout, and returns its result.

        Raises an ApplyError that says what was committed.
        """
        deadline = time.monotonic() + self.patience
        pause, number = FIRST_PAUSE_SECONDS, 1
        while True:
            self.assert_lock_held()
            try:
                self._let_others_end(attempt, deadline)
                return work()
            except StepFailed as caught:
                failed, locked = caught, caught.cause is Cause.LOCK_TIMEOUT
                if locked:
                    failed = self._with_who(attempt, failed)
                if not (locked and caught.retried) or time.monotonic() + pause > deadline:
                    raise self.failure_report.record_failure(attempt.part, failed, number) from None
            except Interrupted as interrupted:
                raise self.failure_report.record_failure(attempt.part, stopped(interrupted), number) from None
            self._pause(attempt, number, pause)
            pause, number = min(pause * 2, LONGEST_PAUSE_SECONDS), number + 1

    def _let_others_end(self, attempt: Attempt, deadline: float) -> None:
        """Waits while other sessions use a table that the part locks. Requests no lock.

        Raises StepFailed, Interrupted.
        """
        reported: frozenset[int | None] = frozenset()
        steps = tuple(part.step for part in attempt.parts if part.step.transactional)
        while who := self.blockers(steps, patient=True):
            if time.monotonic() > deadline:
                raise _too_late(attempt, who[0].relation)
            pids = frozenset(each.pid for each in who)
            if pids - reported:
                self.tell(BlockersAwaited(attempt.part.step, who))
                reported |= pids
            rest(LOOK_SECONDS, jitter=0.2)
            self.assert_lock_held()

    def blockers(self, steps: Sequence[Step], *, patient: bool) -> tuple[Blocker, ...]:
        """Sessions that conflict with the locks of `steps`. With `patient`, only sessions that are likely to stay."""
        wanted = self.watch.wanted(steps)
        return self.watch.blockers(self.work.connected(), wanted, patient=patient) if wanted else ()

    def _with_who(self, attempt: Attempt, failed: StepFailed) -> StepFailed:
        """Adds to the failure the sessions that now use the step's tables."""
        self.work.end_transaction(lost=failed.lost)
        detail = blockers_text(self.blockers((attempt.part.step,), patient=False))
        whole = "\n".join(filter(None, (failed.failure.detail, detail)))
        return replace(failed, failure=replace(failed.failure, detail=whole))

    def _pause(self, attempt: Attempt, number: int, seconds: float) -> None:
        """Waits between two attempts. Holds no lock during the wait."""
        try:
            self.work.end_transaction(lost=False)
            self.tell(StepWaited(attempt.part.step, number, seconds))
            rest(seconds, jitter=0.2)
        except Interrupted as interrupted:
            raise self.failure_report.record_failure(attempt.part, stopped(interrupted), number) from None


def _too_late(attempt: Attempt, relation: str) -> StepFailed:
    """The failure if another session uses `relation` for too long. Points to the first part that locks `relation`."""
    spots = [spot_of_lock(part.step, relation) for part in attempt.parts]
    attempt.at = next((n for n, spot in enumerate(spots) if spot.place), attempt.at)
    return StepFailed(Failure(f"lock timeout on {relation}", LOCK_NOT_AVAILABLE), spots[attempt.at], lost=False)
