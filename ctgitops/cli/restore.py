"""CLI command that restores a backup: restore."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from ..wiring.wiring import Wiring
from . import options
from .printing import print_page


@click.command()
@click.argument("receipt")
@click.option(
    "--into",
    "url",
    required=True,
    metavar="URL",
    help="URL of an empty database, or $NAME of an environment variable that contains it.",
)
@options.identity
@options.root
@options.as_data
def restore(receipt: str, url: str, identity: str, root: Path, form: str) -> int:
    """Restore a backup into an empty database.

    RECEIPT is the path or URL of its receipt.json. The row count of each table must be the one in the receipt.
    """
    wiring = Wiring(root)
    with wiring.console() as tell:
        backups = replace(wiring.backups, identity=identity)
        done = backups.restore(receipt, wiring.addresses.url_or_secret(url), tell)
    rows = sum(done.rows.values())
    words = f"restored {done.id}: {len(done.rows)} tables, {rows} rows; row counts match the receipt"
    print_page(done.to_json() if form == "json" else words, form)
    return 0
