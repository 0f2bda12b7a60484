"""Calls of a store's client, which block until the store answers. The wait for an answer can be interrupted.

Each call runs in a thread of its own, because a signal does not interrupt obstore. The process can end during a call.
obstore's asynchronous calls can be cancelled, but they can abort the process at its end (tried with obstore 0.12.1).
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterable
from concurrent import futures
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from ..errors import BackupError

GRACE_SECONDS = 3.0
"""After an interruption, the longest wait for the answer to a put, so that the object can be removed afterwards.

Shorter than the time after which the command line ends the process, so that the run can still say what is left.
"""
_POLL_SECONDS = 0.1
_Result = TypeVar("_Result")
_Item = TypeVar("_Item")


@dataclass
class Wait:
    """The wait for the answer to a put, or to several puts."""

    stop: threading.Event = field(default_factory=threading.Event)
    """Ends the wait. Can be set by any thread."""
    unanswered: bool = False
    """Whether the last put was still running when its wait ended. The store may carry out this put later."""


def interruptible(call: Callable[[], _Result], seconds: float | None = None) -> _Result:
    """The result of `call`. Ctrl-C ends the wait. Raises TimeoutError after `seconds`."""
    return _begun(call).result(seconds)


def put(call: Callable[[], _Result], wait: Wait) -> _Result:
    """The result of `call`, which stores an object. After an interruption, first waits GRACE_SECONDS for the answer.

    Raises BackupError if `wait.stop` is set.
    """
    wait.unanswered = True  # Ctrl-C can come while the thread starts, and the store may then have the request
    future: Future[_Result] = Future()
    try:
        _start(future, call)
        while not wait.stop.is_set():
            if futures.wait([future], _POLL_SECONDS).done:
                return future.result()
        raise BackupError("the upload was stopped")
    finally:
        wait.unanswered = not futures.wait([future], GRACE_SECONDS).done


def in_threads(call: Callable[[_Item], _Result], items: Iterable[_Item], threads: int) -> tuple[_Result, ...]:
    """The results of `call` for all items, in order. Runs up to `threads` calls at a time. Ctrl-C ends the wait."""
    work: list[tuple[Future[_Result], _Item]] = [(Future(), item) for item in items]
    left, lock = iter(work), threading.Lock()

    def run() -> None:
        while True:
            with lock:
                task = next(left, None)
            if task is None:
                return
            _run(task[0], lambda item=task[1]: call(item))  # type: ignore[misc]

    for _ in range(min(threads, len(work))):
        threading.Thread(target=run, name="store", daemon=True).start()
    try:
        return tuple(future.result() for future, _ in work)
    finally:
        with lock:
            left = iter(())


def _begun(call: Callable[[], _Result]) -> Future[_Result]:
    future: Future[_Result] = Future()
    _start(future, call)
    return future


def _start(future: Future[_Result], call: Callable[[], _Result]) -> None:
    threading.Thread(target=_run, args=(future, call), name="store", daemon=True).start()


def _run(future: Future[_Result], call: Callable[[], _Result]) -> None:
    try:
        future.set_result(call())
    except Exception as error:  # noqa: BLE001 - raised in the thread that waits
        future.set_exception(error)
    except BaseException as error:  # noqa: BLE001 - obstore's PanicException, which no signal raises in this thread
        future.set_exception(OSError(errno.EIO, f"obstore has an internal error: {error}"))
