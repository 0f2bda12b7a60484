"""Runs a command of the project, such as a test suite, without secrets, and ends all processes that it leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import field
from pathlib import Path
from typing import IO

from ..core.environment.project_test import ProjectTest
from ..core.trial.command_result import LONGEST_OUTPUT, CommandEnd
from ..errors import UsageError
from ..lazy import dataclass
from .process_tree import Descendants, GroupWatchdog

PASSED_ON = (
    "PATH", "HOME", "LANG", "LANGUAGE", "TERM", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "CI", "NO_COLOR",
)  # fmt: skip
"""The environment variables that every command gets, in addition to those that begin with `LC_`."""
SECONDS_TO_END = 3
"""How long a command may take to end after SIGTERM."""
SECONDS_TO_READ = 5
_BLOCK = 1 << 16


@dataclass(frozen=True)
class LocalCommands:
    """Implements `ports.command.Commands`."""

    folder: Path
    """The current folder of the commands."""
    environ: Mapping[str, str] = field(repr=False)
    secrets: frozenset[str] = frozenset()
    """The names of the variables with secrets, which no command gets."""
    echo: IO[bytes] | None = None
    """Where the output of commands is shown. If None, commands write to this process's output, and none is kept."""
    interactive: bool = False
    """Whether commands use the terminal. Ctrl-C then reaches only the command."""

    def run(self, test: ProjectTest, variables: Mapping[str, str], seconds: float) -> CommandEnd:
        """Runs a command. See the port."""
        environment = {**command_environment(self.environ, test.keep_env, self.secrets), **variables}
        started = time.monotonic()
        with (
            GroupWatchdog() as watchdog,
            Descendants() as descendants,
            _ctrl_c_ignored() if self.interactive else nullcontext(),
        ):
            process = self._start(test.command, environment, None if self.interactive else watchdog.watch)
            tail = _Tail(process.stdout, self.echo) if process.stdout and self.echo else None
            status: int | None = None
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                _terminate(process)
            finally:
                left = descendants.end(process)
        took = time.monotonic() - started
        return CommandEnd(status, took, tail.text() if tail else "", left)

    def _start(
        self, command: tuple[str, ...], environment: Mapping[str, str], watch: Callable[[], None] | None
    ) -> subprocess.Popen[bytes]:
        output = subprocess.PIPE if self.echo else None
        try:
            return subprocess.Popen(
                command,
                preexec_fn=watch,  # noqa: PLW1509 - two system calls, which need no lock of another thread
                env=dict(environment),
                cwd=self.folder,
                stdin=None if self.echo is None else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if self.echo else None,
                start_new_session=not self.interactive,
            )
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else str(error)
            what = f"the command `{command[0]}` cannot be started: {said}"
            raise UsageError(what, hint="name a program that is in PATH, after `--`") from None


@contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    """Leaves Ctrl-C to the command. The handler of this process would end the command and the copy."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def command_environment(environ: Mapping[str, str], keep: Iterable[str], secrets: frozenset[str]) -> dict[str, str]:
    """The part of this process's environment that a command gets. Raises UsageError if `keep` names a secret."""
    wanted = frozenset(keep)
    if refused := sorted(wanted & secrets):
        whose = "of a manifest, of the policy or of ctgitops"
        what = f"the variable {refused[0]} is a secret {whose}, and no command gets it"
        raise UsageError(what, hint="remove the name from `--keep-env` or `keep_env`")
    return {n: v for n, v in environ.items() if n in PASSED_ON or n.startswith("LC_") or n in wanted}


def _terminate(process: subprocess.Popen[bytes]) -> None:
    """Asks the command's process group to end, and waits for a short time."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(SECONDS_TO_END)
    except (ProcessLookupError, PermissionError, subprocess.TimeoutExpired):
        return


class _Tail:
    """Reads the output of a command in a thread, shows it, and keeps its end."""

    def __init__(self, stream: IO[bytes], echo: IO[bytes]) -> None:
        self._stream = stream
        self._echo: IO[bytes] | None = echo
        self._kept = b""
        self._thread = threading.Thread(target=self._read, daemon=True, name="ctgitops-output")
        self._thread.start()

    def text(self) -> str:
        """The end of the output, after the command has ended."""
        self._thread.join(SECONDS_TO_READ)
        return self._kept.decode(errors="replace")[-LONGEST_OUTPUT:]

    def _read(self) -> None:
        while block := os.read(self._stream.fileno(), _BLOCK):
            self._kept = (self._kept + block)[-4 * LONGEST_OUTPUT :]
            self._show(block)
        self._stream.close()

    def _show(self, block: bytes) -> None:
        if self._echo is None:
            return
        try:
            self._echo.write(block)
            self._echo.flush()
        except (OSError, ValueError):  # the reader of our output has ended
            self._echo = None


def standard_error() -> IO[bytes]:
    """This process's standard error as a stream of bytes."""
    return sys.stderr.buffer
