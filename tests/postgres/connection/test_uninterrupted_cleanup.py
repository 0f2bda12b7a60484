"""Clean-up completes before a signal takes effect."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from ctgitops.postgres.connection.uninterrupted_cleanup import uninterrupted_cleanup


def test_ctrl_c_comes_when_the_block_is_done() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt):
        with uninterrupted_cleanup():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("all of it")
        done.append("too late")
    assert done == ["all of it"]


def test_another_thread_is_left_alone() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def result() -> None:
        with uninterrupted_cleanup():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=result)
    thread.start()
    thread.join()
    assert seen == [before]
    assert signal.getsignal(signal.SIGINT) is before
