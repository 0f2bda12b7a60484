"""The CLI command `watch`. Shows what the current run of an environment is doing."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..report.terminal_text import on_one_line
from ..wiring.wiring import Wiring
from . import options
from .printing import print_page

if TYPE_CHECKING:
    from ..core.activity.run_activity import Look
    from ..core.performance.record import Measuring


@click.command()
@options.environment
@click.option(
    "--follow",
    is_flag=True,
    help="With `--format json`: print one document per line for each update, until the run ends.",
)
@click.option("--every", type=options.Seconds(0.1), default=1.0, show_default=True, help="Seconds between two updates.")
@options.root
@options.as_data
def watch(*, name: str, follow: bool, every: float, root: Path, form: str) -> int:
    """Show what the current run of an environment is doing, until it ends.

    Connects only to the database, so the run can be on any machine. In a terminal, the display is updated. In a log,
    `watch` prints a line for each change. Read-only.
    """
    from ..commands.watch import measuring
    from ..commands.watch import watch as verb

    if follow and form != "json":
        raise click.UsageError("`--follow` needs `--format json`: the text output always follows the run")
    wiring = Wiring(root)
    environment = wiring.environment(name)
    looks = verb(environment, partial(time.sleep, every), databases=wiring.databases)
    measured = partial(measuring, environment, databases=wiring.databases)
    if form == "json":
        return _as_json(looks, name, measured, follow=follow)
    state = "the run has ended" if _followed(looks, name, wiring) else "no run is active"
    if found := measured():
        state = f"all migrations are applied, and {on_one_line(found.text)}"
    print_page(f"{name}: {state}; last entry of the ledger: {_last(wiring, name)}")
    return 0


def _as_json(looks: Iterator[Look], name: str, measured: Callable[[], Measuring | None], *, follow: bool) -> int:
    from ..report.status_json import watch_json

    if not follow:
        look = next(looks, None)
        print_page(watch_json(name, look, None if look else measured()), "json")
        return 0
    for look in looks:
        _print_line(watch_json(name, look))
    _print_line(watch_json(name, None, measured()))
    return 0


def _print_line(document: str) -> None:
    click.echo(json.dumps(json.loads(document), ensure_ascii=False))
    sys.stdout.flush()


def _followed(looks: Iterator[Look], name: str, wiring: Wiring) -> bool:
    """Shows each observation of a run. Returns whether a run was observed."""
    from ..notify.run_display import run_display

    found = False
    with run_display(name, wiring.environ, sys.stdout) as show:
        for look in looks:
            show(look)
            found = True
    return found


def _last(wiring: Wiring, name: str) -> str:
    from ..core.view.status import status_of
    from ..report.text_status import last_run

    environment = wiring.environment(name)
    return last_run(status_of(wiring.workspace, environment, wiring.databases.of(environment).ledger()))
