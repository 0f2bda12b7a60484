"""The CLI command `squash`, which writes one file for new databases."""

from __future__ import annotations

from pathlib import Path

import click

from ..wiring.wiring import Wiring
from . import options
from .log_lines import say
from .printing import print_page


@click.command()
@click.option(
    "--to", "last", required=True, metavar="NNN", help="The last migration: the file replaces all numbers up to it."
)
@click.option(
    "--env",
    "name",
    metavar="NAME",
    shell_complete=options.environment_names,
    help="Use throw-away servers that are like this environment's.  [default: the newest PostgreSQL of this machine]",
)
@options.root
def squash(last: str, name: str | None, root: Path) -> int:
    """Write one file that gives a new database what migrations 001 to NNN give it.

    A database without ledger entries gets this file instead of these migrations, and its ledger lists each of them.
    The file contains the schema and the rows that the migrations insert. Both are compared on throw-away servers with
    those of the migrations. No other database is changed. Keep the original files: other databases need them.
    """
    from ..commands.squash import SquashTarget
    from ..commands.squash import squash as verb
    from ..core.migration.selector import selector_from
    from ..report.phrases import count

    wiring = Wiring(root)
    environment = wiring.environment(name) if name else None
    live = wiring.databases.of(environment).snapshot() if environment else None
    done = verb(
        wiring.workspace,
        selector_from(last, "--to"),
        SquashTarget(environment, live),
        shadows=wiring.shadows,
        tell=say,
    )
    path = root / done.path
    path.parent.mkdir(exist_ok=True)
    wiring.write(path, done.text)
    lines = [
        f"wrote {done.path}: for new databases, instead of {count(len(done.replaced), 'migration')}",
        f"equal on {done.proved}",
        *(f"note: {each} is filled by its default, because its value differs in each run" for each in done.defaulted),
        *(f"note: {each}" for each in done.unmatched),
        "next: commit this file with the originals, which other databases need",
    ]
    print_page("\n".join(lines))
    return 0
