"""CLI commands for backups: backup, restore."""

from __future__ import annotations

from dataclasses import replace
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
    """Take a backup and verify it by a restore.

    `apply` and `rollback` take the same backup first, if the manifest has `backup`.
    """
    wiring = Wiring(root)
    environment = wiring.environment(name)
    if environment.backup is None:
        hint = "add `backup: {to: FOLDER}` to its manifest"
        raise UsageError(f"{name} has no `backup` in {environment.path}", hint=hint)
    with wiring.console() as tell:
        receipt = wiring.backups.take(environment, tell)
    how = "verified by a restore" if receipt.by == "pg_dump" else f"taken and verified by {receipt.by}"
    words = f"{name}: {receipt.id}, {how}\n  {receipt.restore_with}"
    words += "".join(f"\n  not included: {line}" for line in receipt.left_out)
    print_page(receipt.to_json() if form == "json" else words, form)
    return 0


@click.command()
@click.argument("receipt")
@click.option(
    "--into",
    "url",
    required=True,
    metavar="URL",
    help="URL of an empty database, or $NAME of an environment variable that contains it.",
)
@click.option(
    "--identity",
    default="",
    metavar="FILE",
    help="Private key of an encrypted backup: a file, or $NAME of an environment variable that contains it. "
    "Default: $CTGITOPS_IDENTITY, or the file in $CTGITOPS_IDENTITY_FILE.",
)
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
