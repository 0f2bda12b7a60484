"""The CLI command `doctor`. Checks what runs need."""

from __future__ import annotations

from pathlib import Path

import click

from ..core.doctor.check_list import FAMILIES
from ..wiring.wiring import Wiring
from . import options
from .printing import print_page, print_unread


@click.command()
@options.any_environment
@click.option(
    "--only",
    "families",
    type=click.Choice(FAMILIES),
    multiple=True,
    help="Only checks of this family. Can be repeated.",
)
@options.root
@options.as_page
def doctor(*, name: str | None, families: tuple[str, ...], root: Path, form: str) -> int:
    """Check what later runs need, and show a fix for each problem.

    Checks settings, databases, servers, this machine, the backup store, GitHub and workflows. Databases are only read.
    In the backup store, a test object is written, read and deleted. Each check ends after at most 10 seconds. Exit
    status 1: there is a problem, or a check could not run.
    """
    from ..commands.doctor import doctor as verb
    from ..report import doctor as pages

    wiring = Wiring(root)
    environments = tuple(wiring.environment(each) for each in ([name] if name else wiring.environment_names))
    checkup = verb(wiring.examinations.of(environments), families or FAMILIES)
    page = {"json": pages.doctor_json, "markdown": pages.doctor_markdown, "text": pages.doctor_text}[form]
    print_page(page(checkup), form)
    return print_unread(wiring.workspace, name, checkup.exit_status)
