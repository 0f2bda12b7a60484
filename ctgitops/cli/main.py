"""Entry point of the command line. Runs one verb, and turns errors into text and an exit status."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from keyword import iskeyword
from types import FrameType
from typing import Any, NoReturn

import click

from .. import __version__
from ..errors import CtgitopsError
from . import streams
from .log_lines import as_json_lines, end_line, ended_line, say

VERBS = {
    "init": "scaffold",
    "new": "scaffold",
    "check": "read_only",
    "plan": "read_only",
    "status": "read_only",
    "watch": "watch",
    "verify": "schema",
    "apply": "read_write",
    "rollback": "read_write",
    "repair": "repair",
    "baseline": "repair",
    "try": "copies",
    "shell": "copies",
    "benchmark": "benchmark",
    "squash": "squash",
    "export": "export",
    "snapshot": "schema",
    "schema": "schema",
    "diff": "schema",
    "drift": "schema",
    "history": "history",
    "performance": "performance",
    "traffic": "performance",
    "reset": "read_write",
    "unlock": "read_write",
    "roles": "roles",
    "doctor": "doctor",
    "notify": "notifications",
    "backup": "backups",
    "restore": "restore",
    "action": "read_write",
    "demo": "scaffold",
}
"""Maps each verb to the module of its command. A module is imported only when one of its verbs is called."""

READERS = frozenset(
    {
        "check",
        "plan",
        "status",
        "watch",
        "verify",
        "snapshot",
        "schema",
        "diff",
        "drift",
        "history",
        "performance",
        "benchmark",
        "roles",
        "doctor",
    }
)
"""Verbs whose only purpose is their output. Such a verb fails if this output cannot be written."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that stop a run: they come from Ctrl-C, a cancelled job, or a closed terminal or connection."""
USAGE, APPLY_STOPPED, INTERRUPTED = 2, 6, 130
RAISED_AGAIN_SECONDS = 0.01
LONGEST_STOP_SECONDS, LONGEST_ON_RUNNER = 4.5, 9
"""Time limits for the clean-up after a signal, in seconds. GitHub's runner kills a cancelled step after 10 seconds."""


def attribute_of(verb: str) -> str:
    """The name of a verb's command in its module. `try` is a keyword of Python."""
    return f"{verb}_" if iskeyword(verb) else verb


class Verbs(click.Group):
    """A group of commands. Imports the module of a verb only when the verb is used. `--version` imports no module."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click defines this signature
        """The verbs, in the order of a typical workflow."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click defines this signature
        """The command of one verb."""
        if cmd_name not in VERBS:
            return None
        with _signals_later():
            module = import_module(f"{__package__}.{VERBS[cmd_name]}")
        command: click.Command = getattr(module, attribute_of(cmd_name))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command for a verb. The error for an unknown verb suggests the nearest known verb."""
        _verb[:] = args[:1]
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], VERBS, n=1)
            if not near:
                raise
            raise click.UsageError(f"No such command '{args[0]}'. Did you mean '{near[0]}'?", ctx) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the verb. Prevents click from printing an empty line after an interrupt if the log has JSON lines."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            if as_json_lines():
                raise click.exceptions.Abort from interrupt
            raise


@contextlib.contextmanager
def _signals_later() -> Iterator[None]:
    """Delays signals until the `with` block ends. During an import, KeyboardInterrupt can become another error."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ctgitops")
def ctgitops() -> None:
    """GitOps for PostgreSQL schemas: shows a plan, takes a verified backup, and applies exactly that plan."""


def main() -> NoReturn:
    """Runs one verb and exits with its exit status. SIGTERM and SIGHUP stop a run in the same way as Ctrl-C."""
    streams.install(streams.open_missing())
    _listen()
    status = _written(_with_telemetry())
    if _stop_signals:
        _exit_now(status)
    sys.exit(status)


def _with_telemetry() -> int:
    """Runs one verb. Sends its trace if a variable of OpenTelemetry names an endpoint. Returns the exit status."""
    if not any(name.startswith("OTEL_EXPORTER_OTLP_") for name in os.environ):
        return _to_its_end()
    from ..notify.telemetry import telemetry

    with telemetry(os.environ, lambda text: say(text, "warning", "telemetry")) as made:
        status = _to_its_end()
        made.end(_verb[0] if _verb else "", status)
    return status


def _to_its_end() -> int:
    """Runs one verb. Then ignores signals, because a signal must not change the output or the exit status."""
    status = _run()
    for late in SIGNALS:
        signal.signal(late, signal.SIG_IGN)
    return status


def _run() -> int:
    """Runs one verb and prints its error, if any. Returns the exit status."""
    try:
        status: int = ctgitops.main(standalone_mode=False) or 0
    except click.exceptions.Abort:
        return _interrupted()
    except click.ClickException as error:
        if as_json_lines():
            end_line("usage", USAGE, error.format_message(), "", f"ctgitops {' '.join(_verb)} --help")
        else:
            error.show()
        return USAGE
    except CtgitopsError as error:
        from .printing import print_error

        print_error(error)
        return error.exit_status
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:
        if not _stop_signals or not _comes_of_interrupt(error):
            raise
        return _interrupted()
    ended_line(_verb[0] if _verb else "", status)
    return status


def _comes_of_interrupt(error: BaseException | None) -> bool:
    """Whether an interrupt caused the error. Python 3.11 wraps an exception that occurs while a class is created."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _written(status: int) -> int:
    """Returns `status`. Returns USAGE if a verb in READERS could not write its output."""
    failure = streams.unwritten()
    if failure is None:
        return status
    ends = USAGE if status == 0 and READERS.intersection(_verb) else status
    hint = "free disk space, or write to another file; the exit status shows how the run itself ended"
    end_line("usage", ends, f"standard output cannot be written: {failure.strerror}", "", hint)
    return ends


def _exit_now(status: int) -> NoReturn:
    """Exits without the finalisation of the Python interpreter, which can crash after an interrupted import."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _interrupted() -> int:
    """Reports that the run was interrupted. Returns 6 if the run had applied a migration. Otherwise returns 130."""
    from ..notify.listeners import NAMES, completed

    if READERS.intersection(_verb):
        # `watch` usually ends with Ctrl-C, and a person must not believe that the other run has stopped
        state = "this command has changed nothing; a run that another process started continues"
        end_line("interrupted", INTERRUPTED, f"`{' '.join(_verb)}` was asked to stop", state, "")
        return INTERRUPTED
    reported = "steps that were reported as done are done; a database that was being restored is incomplete"
    state = completed() or reported
    status = APPLY_STOPPED if NAMES else INTERRUPTED
    hint = "`ctgitops status` shows what else was applied; run the same command again to continue"
    end_line("interrupted", status, "the run was asked to stop", state, hint)
    return status


_stop_signals: list[int] = []
"""The stop signals that this run has received."""
_verb: list[str] = []
"""The name of this run's verb. Empty until the command line is parsed."""


def _listen() -> None:
    """Installs the handler for SIGNALS. Skips signals that the parent process ignores, such as SIGHUP under nohup."""
    for number in SIGNALS:
        if number == signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.unraisablehook = _unraisable


def _stop(number: int, _frame: FrameType | None) -> None:
    _stop_signals.append(number)
    if len(_stop_signals) > 1:
        return  # ignores further signals, because the clean-up after the first one must finish
    longest = LONGEST_ON_RUNNER if _verb == ["action"] else LONGEST_STOP_SECONDS
    last_word = threading.Timer(longest, _exit_in_any_case)
    last_word.daemon = True
    last_word.start()
    raise KeyboardInterrupt


def is_stopping() -> bool:
    """Whether a signal has asked this run to stop."""
    return bool(_stop_signals)


def _unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    """Sends the interrupt again if Python discarded it. Python discards interrupts in a destructor or a callback."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    again = threading.Timer(RAISED_AGAIN_SECONDS, _interrupt_main)
    again.daemon = True
    again.start()


def _interrupt_main() -> None:
    _stop_signals.clear()
    os.kill(os.getpid(), signal.SIGINT)


def _exit_in_any_case() -> None:
    """Exits after a time limit, before a SIGKILL ends the process. The next run finishes the clean-up."""
    os._exit(_interrupted())
