"""CLI commands about the load of a database: performance, traffic."""

from __future__ import annotations

from pathlib import Path

import click

from ..wiring.wiring import Wiring
from . import options
from .printing import print_page


@click.command()
@options.environment
@click.option(
    "--migration",
    metavar="MIGRATION",
    help="The run that applied this migration: a number, name, file or schema version.  [default: the last 10 runs]",
)
@options.root
@options.as_page
def performance(name: str, migration: str | None, root: Path, form: str) -> int:
    """Show how earlier runs changed the load of the database. Read-only.

    A run measures the load if the manifest has `performance`.
    """
    from ..commands.performance import performance as verb
    from ..core.migration.selector import selector_from
    from ..report import load as pages

    wiring = Wiring(root)
    wanted = None if migration is None else selector_from(migration, "--migration")
    records = verb(wiring.environment(name), wanted, databases=wiring.databases)
    page = {
        "json": pages.performance_json,
        "markdown": pages.performance_markdown,
        "text": pages.performance_text,
    }[form]
    print_page(page(name, records), form)
    return 0


@click.command()
@options.environment
@click.option("--timezone", default="UTC", show_default=True, help="Time zone of the proposed windows.")
@click.option("--hours", type=click.IntRange(1, 12), default=3, show_default=True, help="Length of a window in hours.")
@click.option(
    "--only-show", is_flag=True, help="Only show the result of earlier samples, and take no new sample. Read-only."
)
@options.root
@options.as_page
def traffic(  # noqa: PLR0913 - one parameter per option
    *, name: str, timezone: str, hours: int, only_show: bool, root: Path, form: str
) -> int:
    """Store one sample of the load, and propose `windows` from all samples.

    Run it every hour, for example in the scheduled workflow. The samples are stored beside the ledger.
    """
    from ..commands.traffic import traffic as verb
    from ..files.time_zones import zone_exists
    from ..report import traffic as pages

    if not zone_exists(timezone):
        raise click.BadParameter(f"there is no time zone `{timezone}`", param_hint="--timezone")
    wiring = Wiring(root)
    found = verb(wiring.environment(name), timezone, hours, databases=wiring.databases, only_show=only_show)
    page = {"json": pages.traffic_json, "markdown": pages.traffic_markdown, "text": pages.traffic_text}[form]
    print_page(page(found), form)
    return 0
