"""Runs pg_dump and pg_restore as child processes, which end when this process ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from ..postgres.server.watchdog import Watchdog

SECONDS_TO_END = 5


class OutOfTimeError(Exception):
    """The error for a program or query that did not end in time."""


@dataclass(frozen=True)
class Finished:
    """The result of a program."""

    status: int
    """The exit status. A negative value is the number of the signal that ended the program."""
    said: str
    """The standard error output."""
    out: str = ""
    """The standard output. Empty if it was not read."""


def run(
    command: list[str], environment: Mapping[str, str], watchdog: Watchdog, timeout: float | None = None
) -> Finished:
    """Runs a program to its end. An interrupt also ends the program and its child processes.

    Raises OutOfTimeError after `timeout` seconds.
    """
    child = subprocess.Popen(
        watchdog.command(command),
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        umask=0o077,
    )
    try:
        _, said = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _end(child)
        if child.stderr:
            child.stderr.close()
        raise OutOfTimeError from None
    except BaseException:
        _end(child)
        raise
    return Finished(child.returncode, said.strip())


def converse(
    command: list[str], text: str, environment: Mapping[str, str], folder: Path, timeout: float | None
) -> Finished:
    """Runs a program in `folder` with `text` on its standard input, and reads its output.

    An interrupt also ends the program and its child processes. Raises OSError, OutOfTimeError.
    """
    with subprocess.Popen(
        command,
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as child:
        try:
            out, said = child.communicate(text, timeout=timeout)
        except subprocess.TimeoutExpired:
            _end(child)
            raise OutOfTimeError from None
        except BaseException:
            _end(child)
            raise
    return Finished(child.returncode, said.strip(), out)


def _end(child: subprocess.Popen[str]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(SECONDS_TO_END)
            return


@contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """Converts SIGTERM into an exception within a block, which can then clean up."""
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if not ours:
        yield
        return
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
