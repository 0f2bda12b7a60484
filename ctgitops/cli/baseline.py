"""CLI command `baseline`: takes over an existing database."""

from __future__ import annotations

from pathlib import Path

import click

from ..wiring.wiring import Wiring
from . import options
from .printing import print_page


@click.command()
@options.environment
@click.option(
    "--at",
    metavar="MIGRATION",
    required=True,
    help="Last migration that the database has: a number, name, file, schema version or `latest`.",
)
@click.option(
    "--accept-differences",
    "reason",
    default="",
    metavar="REASON",
    help="Accept differences; they and the reason are stored in the ledger.",
)
@options.wait
@options.root
@options.as_page
def baseline(*, name: str, at: str, reason: str, wait: float, root: Path, form: str) -> int:  # noqa: PLR0913
    """Take over an existing database that has no ledger yet.

    Its schema must match the schema that the migration files produce; no migration is run on it. If the schemas
    differ, the differences are shown, nothing is recorded, and the exit status is 1.
    """
    from ..commands.baseline import baseline as verb
    from ..core.migration.selector import selector_from
    from ..core.run.baseline import TakeOver
    from ..report import baseline as pages

    wiring = Wiring(root)
    request = wiring.request(name, wait=wait)
    with wiring.console() as tell:
        done = verb(
            request,
            TakeOver(selector_from(at, "--at"), reason),
            databases=wiring.databases,
            shadows=wiring.shadows,
            tell=tell,
        )
    page = {"json": pages.baseline_json, "markdown": pages.baseline_markdown, "text": pages.baseline_text}[form]
    print_page(page(done), form)
    return done.exit_status
