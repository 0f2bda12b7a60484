"""An interruption of a put never counts a request as answered that the store may still carry out."""

from __future__ import annotations

import threading

import pytest

from ctgitops.backup import store_calls
from ctgitops.backup.store_calls import Wait, put


def test_ctrl_c_while_the_thread_of_a_put_starts_leaves_the_put_unanswered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen to fail: the receipt was stored after the objects of its backup had been removed."""
    monkeypatch.setattr(store_calls, "GRACE_SECONDS", 0.05)
    answers, stored = threading.Event(), list[str]()
    start = threading.Thread.start

    def started_and_interrupted(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    def slow() -> None:
        answers.wait(30)
        stored.append("receipt")

    monkeypatch.setattr(threading.Thread, "start", started_and_interrupted)
    wait = Wait()
    with pytest.raises(KeyboardInterrupt):
        put(slow, wait)
    assert (wait.unanswered, stored) == (True, [])
    answers.set()


def test_an_answer_within_the_grace_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def started_and_interrupted(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", started_and_interrupted)
    wait = Wait()
    with pytest.raises(KeyboardInterrupt):
        put(lambda: None, wait)
    assert not wait.unanswered
