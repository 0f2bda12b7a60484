"""CLI command `demo`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    help="Folder for the files that the demo creates.",
    show_default=True,
)
def demo(into: Path) -> int:
    """Play the whole workflow on an embedded PostgreSQL.

    A pull request, a merge, a release and a rollback.
    """
    from ..demo.story import play

    return play(into)
