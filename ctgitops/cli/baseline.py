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
    help="It has this migration and all before it: a number, a name, a file, a schema version or `latest`.",
)
@click.option(
    "--accept-differences", "reason", default="", metavar="REASON", help="Take it over as it is, on the record."
)
@options.wait
@options.root
@options.as_page
def baseline(*, name: str, at: str, reason: str, wait: float, root: Path, form: str) -> int:  # noqa: PLR0913
    """Take over a database that has its schema already, when it is what the files give.

    No SQL of a migration is run there. Differences are shown and hold it back; exit status 1.
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
