"""The CLI command `history`. Shows versions, environments and runs over time."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from ..wiring.wiring import Wiring
from . import options
from .printing import print_page, print_unread, width_of


@click.command()
@options.any_environment
@click.option(
    "--html",
    "page_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write one HTML page with the runs, the SQL, and the schema after each migration as a diagram. The page needs "
    "no server and no network.",
)
@click.option(
    "--no-shadow",
    is_flag=True,
    help="Do not rebuild schemas. The output then has no diagrams, no schema changes and no drift.",
)
@options.root
@options.as_page
def history(name: str | None, page_file: Path | None, *, no_shadow: bool, root: Path, form: str) -> int:
    """Show versions, environments and runs over time.

    Read-only. The text shows the runs and the drift of each environment. `--html` and `--format json` also contain
    each migration's SQL, and the schema after each migration. The schemas are rebuilt from the ledger in a throw-away
    database.
    """
    from ..commands.history import Depth
    from ..commands.history import history as verb

    wiring = Wiring(root)
    names = [name] if name else wiring.environment_names
    schemas = not no_shadow and (page_file is not None or form == "json")
    found = verb(
        tuple(wiring.request(each) for each in names),
        Depth(drift=not no_shadow, schemas=schemas),
        databases=wiring.databases,
        shadows=wiring.shadows,
        tell=partial(click.echo, err=True),
    )
    data = None
    if page_file is not None or form == "json":
        from .. import __version__
        from ..report.history_json import history_data

        data = history_data(found, wiring.origin, wiring.now, __version__)
    if page_file is not None and data is not None:
        from ..report.history_html import history_html

        wiring.write(page_file, history_html(data))
        click.echo(f"wrote {page_file}", err=True)
    if form == "json" and data is not None:
        from ..report.json import dump

        page = dump(data)
    elif form == "markdown":
        from ..report.history_text import history_markdown

        page = history_markdown(found)
    else:
        from ..report.history_text import history_text

        page = history_text(found, width_of(sys.stdout))
    print_page(page, form)
    return print_unread(wiring.workspace, name, found.exit_status)
