"""The CLI command `restore`, which restores a backup."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..wiring.wiring import Wiring
from . import options
from .log_lines import progress
from .printing import print_page

if TYPE_CHECKING:
    from ..wiring.backups import StoredBackups


@click.command()
@click.argument("which", metavar="BACKUP")
@click.option(
    "--into",
    "url",
    default="",
    metavar="URL",
    help="URL of an empty database (with --table, of any database), or $NAME of an environment variable that contains "
    "it.",
)
@click.option("--table", metavar="TABLE", default="", help="Restore only the rows of this table: public.projects.")
@click.option("--as", "new", metavar="TABLE", default="", help="With --table: the new table, as restored.projects.")
@click.option(
    "--export",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Write the exported tables of the backup, decrypted, to this new folder. Restores nothing.",
)
@options.identity
@options.root
@options.log_format
@options.as_data
def restore(  # noqa: PLR0913, PLR0917 - the options of the command
    which: str, url: str, table: str, new: str, folder: Path | None, identity: str, root: Path, form: str
) -> int:
    """Restore a backup into an empty database, or one table beside the live one.

    BACKUP is an ID, or the path or URL of a backup or its receipt. The row count of each table must be the one in the
    receipt. With --table and --as, all rows of one table go into a new table, without indexes, constraints and grants.
    With --export instead of --into, the files of `backup.export` are written to a folder.
    """
    if bool(table) != bool(new):
        raise click.UsageError("`--table` and `--as` belong together.")
    if bool(folder) == bool(url) or (folder and table):
        raise click.UsageError("Pass either `--into URL`, or only `--export FOLDER`.")
    wiring = Wiring(root)
    if folder:
        return _export(replace(wiring.backups, identity=identity), wiring, (which, folder), form)
    backups, into = replace(wiring.backups, identity=identity), wiring.addresses.url_or_secret(url)
    with progress(wiring) as tell:
        if table:
            done, number = backups.restore_table(which, (table, new), into, tell)
            words = f"restored {table} of {done.id} into {new}: {number} rows, as in the receipt"
        else:
            done = backups.restore(which, into, tell)
            rows = sum(done.rows.values())
            words = f"restored {done.id}: {len(done.rows)} tables, {rows} rows; row counts match the receipt"
    print_page(done.to_json() if form == "json" else words, form)
    return 0


def _export(backups: StoredBackups, wiring: Wiring, which_to: tuple[str, Path], form: str) -> int:
    which, folder = which_to
    with wiring.console() as tell:
        done = backups.fetch_export(which, folder, tell)
    words = f"wrote {len(done.exported)} tables of {done.id} to {folder}; each file matches the receipt"
    print_page(done.to_json() if form == "json" else words, form)
    return 0
