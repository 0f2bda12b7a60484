"""Messages on standard error: text for people, or JSON lines with `--log-format json`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..core.run.outcome import Outcome
    from ..core.run.progress import Listener
    from ..errors import CtgitopsError
    from ..wiring.wiring import Wiring

_outcome: list[Outcome] = []
"""The outcome of this run. Empty without an outcome."""


def as_json_lines() -> bool:
    """Whether the command line requests JSON lines. An invalid command line is reported as a JSON line too."""
    arguments = sys.argv[1:]
    return "--log-format=json" in arguments or ("--log-format", "json") in pairwise(arguments)


@contextmanager
def progress(wiring: Wiring, environment: str = "") -> Iterator[Listener]:
    """Yields a listener that shows progress events in the requested format."""
    with wiring.console(environment=environment, as_json=as_json_lines()) as tell:
        yield tell


def say(text: str, level: str = "info", code: str = "") -> None:
    """Prints a message. `code` is the code of a warning, as in `warning[CODE]`."""
    if as_json_lines():
        _write(level, "warning" if level == "warning" else "note", text, **({"code": code} if code else {}))
    else:
        click.echo(f"{level}[{code}]: {text}" if code else text, err=True)


def error_line(error: CtgitopsError) -> None:
    """Prints an error as a JSON line."""
    said = f"{error.place}: {error.what}" if error.place else error.what
    fields = {"code": error.code, "exit_status": error.exit_status, "state": error.state, "hint": error.hint}
    _write("error", "error", said, **fields)


def ended_line(verb: str, exit_status: int) -> None:
    """Prints the JSON line about a run that ended without an error. Prints nothing in the text format."""
    if not as_json_lines():
        return
    level, fields = "warning" if exit_status else "info", {"exit_status": exit_status}
    for outcome in _outcome:
        from ..report.outcome_text import outcome_verdict

        named = {"environment": outcome.plan.environment, "outcome": outcome.status.value}
        _write(level, "run-ended", outcome_verdict(outcome), **named, **fields)
    if not _outcome:
        result = "failed" if exit_status else "done"
        _write(level, "run-ended", f"{verb} ended with exit status {exit_status}", outcome=result, **fields)


def keep_outcome(outcome: Outcome) -> None:
    """Keeps the outcome of this run for `ended_line`."""
    _outcome[:] = [outcome]


def end_line(code: str, exit_status: int, what: str, state: str, hint: str) -> None:
    """Prints in the requested format the error that ends the run."""
    if as_json_lines():
        _write("error", "error", what, code=code, exit_status=exit_status, state=state, hint=hint)
        return
    click.echo(f"error[{code}]: {what}", err=True)
    for label, text in (("state", state), ("help", hint)):
        if text:
            click.echo(f"  {label}: {text}", err=True)


def _write(level: str, event: str, message: str, **fields: Any) -> None:
    from ..notify.json_lines import json_line, now_in_utc

    sys.stderr.write(json_line(now_in_utc(), level, event, message, **fields))
    sys.stderr.flush()
