"""Notifies receivers during a run: of long waits, overrides, interrupted runs, and measurements after an apply."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import field
from types import TracebackType
from typing import TYPE_CHECKING

from ..core.run import progress as events
from ..core.run.outcome import Outcome
from ..lazy import dataclass
from ..report.notification import LongWait

if TYPE_CHECKING:
    from ..core.run.progress import Progress

LONG_WAIT_SECONDS = 60.0
"""How long a migration waits for a lock before receivers are notified."""
LONGEST_END_SECONDS = 10.0
"""How long the end of a run waits for notifications that are being sent."""

Alert = LongWait | events.GatesOverridden | events.InterruptedRunFound | Outcome


@dataclass
class Alerts:
    """Sends alerts in separate threads, because a slow receiver must not delay a run. `send` must not raise."""

    send: Callable[[Alert], None]
    long_wait_seconds: float = LONG_WAIT_SECONDS
    _timer: threading.Timer | None = None
    _waits_for: str = ""
    """The subject of the current wait: the run lock or a migration. Empty without a wait."""
    _told: set[str] = field(default_factory=set)
    """The subjects of the waits that receivers know. Receivers are notified of each subject once."""
    _last: LongWait | None = None
    _threads: list[threading.Thread] = field(default_factory=list)

    def hear(self, progress: Progress) -> None:
        """Sends an alert, or starts or stops the timer of a wait."""
        if isinstance(progress, events.GatesOverridden | events.InterruptedRunFound):
            self._start(progress)
            return
        if isinstance(progress, events.LoadWatched) and progress.outcome:
            self._start(progress.outcome)
        wait = long_wait(progress)
        if wait is None:
            self._stop()
            return
        self._last = wait
        if wait.subject != self._waits_for:
            self._stop()
            self._waits_for = wait.subject
            self._timer = threading.Timer(self.long_wait_seconds, self._waited)
            self._timer.daemon = True
            self._timer.start()

    def _waited(self) -> None:
        if (wait := self._last) and wait.subject not in self._told:
            self._told.add(wait.subject)
            self._start(wait)

    def _start(self, alert: Alert) -> None:
        thread = threading.Thread(target=self.send, args=(alert,), name="alert", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer, self._waits_for = None, ""

    def __enter__(self) -> Alerts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        for thread in self._threads:
            thread.join(LONGEST_END_SECONDS)


def long_wait(progress: Progress) -> LongWait | None:
    """The wait that an event begins or continues. None for an event that ends a wait."""
    match progress:
        case events.LockAwaited(holder=holder):
            return LongWait("the run lock", (f"another run holds the run lock: {holder}",), of_run=True)
        case events.OrphanAwaited(orphan=orphan):
            return LongWait("an earlier run", (orphan.text,), of_run=True)
        case _:
            return _wait_of_a_step(progress)


def _wait_of_a_step(progress: Progress) -> LongWait | None:
    match progress:
        case events.BackendAwaited(step=step, backend=backend, doing=doing):
            return LongWait(step.name, (f"backend {backend} of an earlier run is still at work: {doing}",))
        case events.BlockersAwaited(step=step, who=who):
            return LongWait(step.name, tuple(each.text for each in who[:5]))
        case events.StepWaited(step=step, attempt=attempt):
            return LongWait(step.name, (f"attempt {attempt} reached the lock timeout",))
        case events.IndexAdvanced(step=step, phase=phase) if phase.startswith("waiting for"):
            return LongWait(step.name, (f"the index build is {phase}",))
        case _:
            return None
