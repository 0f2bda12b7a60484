"""CLI command `demo`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    help="Where it leaves what it made.",
    show_default=True,
)
def demo(into: Path) -> int:
    """The whole story on an embedded PostgreSQL: a pull request, a merge, a tag, and the way back."""
    from ..demo.story import play

    return play(into)
