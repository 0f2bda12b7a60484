"""The words of the verbs that write files of the repository: init, new."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from ..files.scaffold import Change, Order, first_files, new_migration, write_files
from ..wiring import Wiring
from . import options
from .printing import print_page


@click.command()
@options.root
def init(root: Path) -> int:
    """Begin here: a policy that fits the migrations that are there, and three manifests; nothing is overwritten."""
    (root / "migrations").mkdir(parents=True, exist_ok=True)
    written = write_files(root, first_files(root))
    print_page("\n".join(f"wrote {path}" for path in written) or "nothing to do: everything is there")
    return 0


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--band", help="The band whose next number it takes.  [default: that of the highest migration]")
@click.option("--breaking", "change", flag_value=Change.BREAKING.value, help="It breaks what uses the schema now.")
@click.option("--fix", "change", flag_value=Change.FIX.value, help="It adds nothing, it corrects.")
@options.root
def new(words: tuple[str, ...], band: str | None, change: str | None, root: Path) -> int:
    """Begin a migration: the next number and version, its header filled, its rollback beside it."""
    wiring = Wiring(root)
    kind = Change(change) if change else Change.ADDITIVE
    order = Order(" ".join(words), wiring.origin.actor, datetime.now(UTC), kind, band)
    written = write_files(root, new_migration(wiring.workspace, order))
    print_page("\n".join(f"wrote {path}" for path in written))
    return 0
