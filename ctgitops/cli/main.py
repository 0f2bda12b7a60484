"""Entry point of the command line: finds the command, and turns errors into text and an exit status."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from importlib import import_module
from types import FrameType
from typing import NoReturn

import click

from .. import __version__
from ..errors import CtgitopsError
from . import streams

VERBS = {
    "init": "scaffold",
    "new": "scaffold",
    "check": "read_only",
    "plan": "read_only",
    "status": "read_only",
    "verify": "schema",
    "apply": "read_write",
    "rollback": "read_write",
    "repair": "repair",
    "baseline": "baseline",
    "snapshot": "schema",
    "diff": "schema",
    "drift": "schema",
    "unlock": "read_write",
    "backup": "backups",
    "restore": "backups",
    "action": "github",
    "demo": "story",
}
"""Each verb and the module of this package with its words; a module is imported when one of its verbs is called."""

READERS = frozenset({"check", "plan", "status", "verify", "snapshot", "diff", "drift"})
"""Verbs whose result is what they write: where that cannot be written, they have failed."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What asks a run to stop: Ctrl-C, a runner that cancels, a terminal or a connection that is closed."""
USAGE, APPLY_STOPPED, INTERRUPTED = 2, 6, 130
RAISED_AGAIN_SECONDS = 0.01
LONGEST_STOP_SECONDS = 4.5


class Verbs(click.Group):
    """Finds a verb's words when it is asked for, so that `--version` imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The verbs, in the order of a day's work."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The words of one verb."""
        if cmd_name not in VERBS:
            return None
        module = import_module(f"{__package__}.{VERBS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Names the nearest verb for one that is not known."""
        _verb[:] = args[:1]
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], VERBS, n=1)
            if not near:
                raise
            raise click.UsageError(f"No such command '{args[0]}'. Did you mean '{near[0]}'?", ctx) from error


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ctgitops")
def ctgitops() -> None:
    """GitOps for a PostgreSQL schema: a plan that is shown, a backup that was restored, exactly that applied."""


def main() -> NoReturn:
    """Runs one verb and exits with the status of design's contract; SIGTERM and SIGHUP stop a run as Ctrl-C does."""
    streams.install(streams.open_missing())
    _listen()
    try:
        status = ctgitops.main(standalone_mode=False) or 0
    except click.exceptions.Abort:
        status = _interrupted()
    except click.ClickException as error:
        error.show()
        status = 2
    except CtgitopsError as error:
        from .printing import print_error

        print_error(error)
        status = error.exit_status
    except KeyboardInterrupt:
        status = _interrupted()
    # How it ended is known: no late signal may change what is told.
    for late in SIGNALS:
        signal.signal(late, signal.SIG_IGN)
    status = _written(status)
    if _asked:
        _exit_now(status)
    sys.exit(status)


def _written(status: int) -> int:
    """The exit status; another one where a verb that only reads had nowhere to write what it read."""
    failure = streams.unwritten()
    if failure is None:
        return status
    click.echo(f"error[usage]: standard output could not be written: {failure.strerror}", err=True)
    click.echo("  help: free space, or write to another file; the exit status tells how the run itself ended", err=True)
    return USAGE if status == 0 and READERS.intersection(_verb) else status


def _exit_now(status: int) -> NoReturn:
    """CPython remembers a KeyboardInterrupt that cut an import short, and would die of it after it was handled."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _interrupted() -> int:
    """Says that the run was asked to stop; the exit status tells whether it had applied something."""
    from ..notify.applied import NAMES

    state = "what was reported as done is done; a database that was restored into is not whole"
    if NAMES:
        shown = NAMES[0] if len(NAMES) == 1 else f"{NAMES[0]} to {NAMES[-1]}, {len(NAMES)} in all,"
        state = f"{shown} done by this run"
    click.echo("error[interrupted]: the run was asked to stop", err=True)
    click.echo(f"  state: {state}", err=True)
    click.echo("  help: `ctgitops status` tells what more is done; the same command again goes on from there", err=True)
    return APPLY_STOPPED if NAMES else INTERRUPTED


_asked: list[int] = []
"""The signals that asked this run to stop."""
_verb: list[str] = []
"""The verb that was called."""


def _listen() -> None:
    """For each signal that asks a run to stop, unless whoever started us chose to ignore it, as nohup does SIGHUP."""
    for number in SIGNALS:
        if number == signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.unraisablehook = _unraisable


def _stop(number: int, _frame: FrameType | None) -> None:
    _asked.append(number)
    if len(_asked) > 1:
        return  # a second signal changes nothing: the first one's work of stopping must come to its end
    last_word = threading.Timer(LONGEST_STOP_SECONDS, _exit_in_any_case)
    last_word.daemon = True
    last_word.start()
    raise KeyboardInterrupt


def _unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    """An interrupt that struck in a destructor or a callback is lost there; it is raised again where it is heard."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    again = threading.Timer(RAISED_AGAIN_SECONDS, _interrupt_main)
    again.daemon = True
    again.start()


def _interrupt_main() -> None:
    _asked.clear()
    os.kill(os.getpid(), signal.SIGINT)


def _exit_in_any_case() -> None:
    """Whoever asked us to stop kills us soon; what is not tidied away by now, the next run finds out."""
    os._exit(_interrupted())
