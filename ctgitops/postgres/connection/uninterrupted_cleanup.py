"""Defers SIGINT and SIGTERM during clean-up. A second Ctrl-C then does not interrupt the clean-up.

`cancellable_query.py` handles the first Ctrl-C, which cancels the statement.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

HELD_BACK = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def uninterrupted_cleanup(*, dropped: bool = False) -> Iterator[None]:
    """Defers SIGINT, SIGTERM and SIGHUP to the end of a block. With `dropped`, ignores these signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # A signal mask would not do: it applies to one thread, and another, such as a progress bar's, would get the signal
    came: list[int] = []
    before = {number: signal.signal(number, lambda n, _frame: came.append(n)) for number in HELD_BACK}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in () if dropped else dict.fromkeys(came):
            signal.raise_signal(late)


class UninterruptedCleanup:
    """A context manager whose clean-up is not interrupted by signals. `__enter__` fills `_cleanup`."""

    _cleanup: ExitStack

    def __exit__(self, *_: object) -> None:
        with uninterrupted_cleanup():
            self._cleanup.close()
