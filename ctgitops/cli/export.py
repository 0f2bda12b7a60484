"""The CLI command `export`, which returns to another migration tool."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from ..core.environment.layout import LayoutName
from ..layouts.ledger_creation import NEW_LEDGERS
from ..wiring.wiring import Wiring
from . import options
from .notifications import alerting
from .printing import print_page

if TYPE_CHECKING:
    from ..core.run.export import Export
    from ..files.export import ToolFiles


@click.command()
@options.environment
@click.option(
    "--to", "tool", required=True, type=click.Choice(sorted(each.value for each in NEW_LEDGERS)), help="The other tool."
)
@click.option(
    "--into",
    metavar="FOLDER",
    help="New folder for the files, if migrations/policy.yaml has another layout.  [default: exported/TOOL]",
)
@click.option("--dry-run", is_flag=True, help="Show what would be written; change nothing.")
@options.wait
@options.root
@options.log_format
def export(*, name: str, tool: str, into: str | None, dry_run: bool, wait: float, root: Path) -> int:  # noqa: PLR0913 - one parameter per option
    """Return to another migration tool, so that it has nothing to do in an environment.

    Adds a row to the other tool's ledger for each applied migration. Creates this ledger if the database has none. If
    the migrations do not have the layout of this tool, also writes them as its files into a new folder. No migration is
    run, and no existing file is changed.
    """
    from ..commands.export import export as verb
    from ..core.run.export import ToolMigrations
    from ..files.export import files_for, write_new
    from ..layouts.ledger_writers import WRITERS
    from ..layouts.registry import tool_of

    wiring, layout = Wiring(root), LayoutName(tool)
    request = wiring.request(name, wait=wait)
    folder = _folder(into or f"exported/{tool}", wiring.workspace.policy.layout.folder)
    made = files_for(wiring.workspace, layout, folder)
    migrations = ToolMigrations(layout, tool_of(layout).title, made.migrations, WRITERS[layout].in_order)
    with alerting(wiring, request.environment) as tell:
        done = verb(request, migrations, databases=wiring.databases, tell=tell, dry_run=True)
        if not dry_run:
            write_new(root, made.files)
            done = verb(request, migrations, databases=wiring.databases, tell=tell, dry_run=False)
    print_page("\n".join(_lines(done, made, folder, dry_run=dry_run)))
    return 0


def _folder(into: str, migrations: str) -> str:
    """The folder for the files, relative to the root. Raises click.UsageError."""
    path = PurePosixPath(into)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise click.UsageError("`--into` takes a folder inside the repository")
    if path == PurePosixPath(migrations):
        raise click.UsageError(f"`--into` takes a new folder, and `{migrations}` has the migrations of ctgitops")
    return str(path)


def _lines(done: Export, made: ToolFiles, folder: str, *, dry_run: bool) -> list[str]:
    would = "would be " if dry_run else ""
    count = len(done.names)
    rows = f"{count} migration{'' if count == 1 else 's'} {would}recorded as applied"
    lines = [f"{done.environment}: {done.table} of {done.title}{' (new)' if done.created else ''}: {rows}"]
    if done.listed:
        lines.append(f"{done.environment}: {done.listed} are already in {done.table}")
    if made.files:
        lines.append(f"{len(made.files)} files {would}written to {folder}/")
    return [*lines, *(f"note: {note}" for note in made.notes)]
