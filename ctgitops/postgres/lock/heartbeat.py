"""Reports, from a thread, that a run is alive while its main thread waits for something outside the database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

LAST_SECONDS = 5.0
"""How long the end of a run waits for a report in progress."""


class Heartbeat:
    """Calls `beat` at an interval in seconds until the block ends; an error in it stops the reports, not the run."""

    def __init__(self, beat: Callable[[], None], seconds: float) -> None:
        self._beat = beat
        self._seconds = seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beats, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(LAST_SECONDS)

    def _beats(self) -> None:
        while not self._over.wait(self._seconds):
            self._beat()
