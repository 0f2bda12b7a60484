"""The command `notify`, and the notifications of other commands."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import Cause, CtgitopsError, UsageError
from ..wiring.wiring import Wiring
from . import options
from .log_lines import as_json_lines, say
from .printing import print_page

if TYPE_CHECKING:
    from ..core.backup.drill import DrillResult
    from ..core.environment.environment import Environment
    from ..core.run.outcome import Outcome
    from ..core.run.progress import Listener
    from ..core.view.drift import DriftResult


@click.command()
@options.any_environment
@click.option("--test", is_flag=True, required=True, help="Send a test notification to each receiver.")
@options.root
def notify(*, name: str | None, test: bool, root: Path) -> int:  # noqa: ARG001 - `--test` is the only mode
    """Send a test notification to the receivers of an environment.

    `notify` in a manifest or in migrations/policy.yaml names the receivers. Exit status 1: a receiver was not reached.
    """
    wiring = Wiring(root)
    names = [name] if name else wiring.environment_names
    results = [(each, sent) for each in names for sent in wiring.notifications.test(wiring.environment(each))]
    if not results:
        hint = 'add `notify: [{to: "${SLACK_URL}"}]` to a manifest or to migrations/policy.yaml'
        raise UsageError(f"no receivers are defined for {', '.join(names)}", hint=hint)
    print_page("".join(f"{each}: {sent.receiver}: {sent.error or 'sent'}\n" for each, sent in results))
    return 1 if any(sent.error for _, sent in results) else 0


@contextmanager
def notifying(wiring: Wiring, environment: Environment) -> Iterator[Listener]:
    """Yields the listener of a run. Notifies the receivers of an environment while the run works, and of an error.

    Does not notify of an error if a signal asked the run to stop: the next run does.
    """
    try:
        with alerting(wiring, environment) as tell:
            yield tell
    except CtgitopsError as error:
        if error.cause is not Cause.ASKED_TO_STOP:
            _warn(wiring.notifications.result(environment, error, command=_command()))
        raise


@contextmanager
def alerting(wiring: Wiring, environment: Environment) -> Iterator[Listener]:
    """Yields a listener for a command that takes the run lock, but does not notify receivers of its own result.

    If the command finds an interrupted run, the listener notifies receivers of that run.
    """
    with (
        wiring.notifications.alerting(environment, lambda text: _warn((text,))) as alert,
        wiring.console(alert, environment=environment.name, as_json=as_json_lines()) as tell,
    ):
        yield tell


def notify_of(wiring: Wiring, outcome: Outcome) -> None:
    """Notifies the receivers of the outcome's environment."""
    _warn(wiring.notifications.result(wiring.environment(outcome.plan.environment), outcome, command=_command()))


def notify_of_drift(wiring: Wiring, results: Iterable[DriftResult]) -> None:
    """Notifies the receivers of each environment that has drifted or could not be compared."""
    for result in results:
        _warn(wiring.notifications.drift(result))


def notify_of_drill(wiring: Wiring, results: Iterable[DrillResult]) -> None:
    """Notifies the receivers of each environment whose newest backup was not restored or verified."""
    for result in results:
        _warn(wiring.notifications.drill(wiring.environment(result.environment), result))


def _command() -> str:
    """The command line of this run, which a person can run again."""
    return shlex.join(["ctgitops", *sys.argv[1:]])


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        say(warning, "warning", "not-notified")
