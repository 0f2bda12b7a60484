"""CLI commands for backups: backup, restore."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import UsageError
from ..wiring.wiring import Wiring
from . import options
from .printing import print_page


@click.command()
@options.environment
@options.root
@options.as_data
def backup(name: str, root: Path, form: str) -> int:
    """Take a backup of an environment and prove it, as apply does by itself."""
    wiring = Wiring(root)
    environment = wiring.environment(name)
    if environment.backup is None:
        hint = "add `backup: {to: FOLDER}` to its manifest"
        raise UsageError(f"{name} has no `backup` in {environment.path}", hint=hint)
    with wiring.console() as tell:
        receipt = wiring.backups.take(environment, tell)
    words = f"{name}: {receipt.id}, restored once to prove it\n  {receipt.restore_with}"
    words += "".join(f"\n  not in it: {line}" for line in receipt.left_out)
    print_page(receipt.to_json() if form == "json" else words, form)
    return 0


@click.command()
@click.argument("receipt", type=click.Path(dir_okay=False))
@click.option(
    "--into", "url", required=True, metavar="URL", help="URL of an empty database, or $NAME of a variable with it."
)
@options.root
@options.as_data
def restore(receipt: str, url: str, root: Path, form: str) -> int:
    """Bring a backup back into an empty database, and count its rows."""
    wiring = Wiring(root)
    with wiring.console() as tell:
        done = wiring.backups.restore(receipt, wiring.addresses.url_or_secret(url), tell)
    rows = sum(done.rows.values())
    words = f"restored {done.id}: {len(done.rows)} tables, {rows} rows, as counted when it was taken"
    print_page(done.to_json() if form == "json" else words, form)
    return 0
