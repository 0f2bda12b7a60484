"""CLI commands for schemas: snapshot, diff, drift, verify."""

from __future__ import annotations

from pathlib import Path

import click

from ..wiring.wiring import Wiring
from . import options
from .printing import print_page, print_unread


@click.command()
@options.environment
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file.  [default: stdout]"
)
@options.root
def snapshot(name: str, out: Path | None, root: Path) -> int:
    """The canonical schema of an environment as a file, for `diff`: JSON, a line for each object."""
    from ..core.schema.snapshot import snapshot_text
    from ..report import phrases

    wiring = Wiring(root)
    taken = wiring.databases.of(wiring.environment(name)).snapshot()
    if out is None:
        print_page(snapshot_text(taken), "json")
        return 0
    wiring.write(out, snapshot_text(taken))
    print_page(f"{name}: {phrases.count(len(taken.objects), 'object')}, fingerprint {taken.fingerprint[:12]}, in {out}")
    return 0


@click.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@options.root
@options.as_page
def diff(before: str, after: str, root: Path, form: str) -> int:
    """Compare two schemas: each an environment, a file of `snapshot`, a receipt of a backup, or `migrations`.

    `migrations` is what all files give in an empty database. Exit status 1: they differ.
    """
    from ..commands.diff import diff as verb
    from ..report import drift as pages

    wiring = Wiring(root)
    with wiring.console() as tell:
        done = verb((before, after), schemas=wiring.schemas(tell), shadows=wiring.shadows)
    page = {"json": pages.diff_json, "markdown": pages.diff_markdown, "text": pages.diff_text}[form]
    print_page(page((before, after), done.changes, done.unmatched), form)
    return 1 if done.changes else 0


@click.command()
@options.any_environment
@options.root
@options.as_page
def drift(name: str | None, root: Path, form: str) -> int:
    """What a live schema has that the ledger's own migrations do not give; nothing is changed.

    Exit status 1: there is drift. Where nobody could look, that is an error.
    """
    from ..commands.drift import drift as verb
    from ..core.view.drift import exit_status
    from ..report import drift as pages

    wiring = Wiring(root)
    names = [name] if name else wiring.environment_names
    looks = verb(tuple(wiring.request(each) for each in names), databases=wiring.databases, shadows=wiring.shadows)
    page = {"json": pages.drift_json, "markdown": pages.drift_markdown, "text": pages.drift_text}[form]
    print_page(page(looks), form)
    return print_unread(wiring.workspace, name, exit_status(looks))


@click.command()
@options.any_environment
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "never"]),
    default="warning",
    show_default=True,
    help="From which severity on a finding gives exit status 1.",
)
@click.option(
    "--deep",
    is_flag=True,
    help="Also look for rows that break a foreign key, CHECK, NOT NULL or unique index: reads whole tables, for a "
    "minute each and ten minutes in all.",
)
@options.root
@options.as_page
def verify(name: str | None, fail_on: str, *, deep: bool, root: Path, form: str) -> int:
    """Are we where the ledger says: ledger, files, verify queries, invalid indexes, constraints, row-level security."""
    from ..commands.verify import verify as verb
    from ..core.view.preview import FailOn
    from ..core.view.verify import exit_status
    from ..report import verify as pages

    wiring = Wiring(root)
    names = [name] if name else wiring.environment_names
    looks = verb(tuple(wiring.request(each) for each in names), databases=wiring.databases, deep=deep)
    page = {"json": pages.verify_json, "markdown": pages.verify_markdown, "text": pages.verify_text}[form]
    print_page(page(looks), form)
    return print_unread(wiring.workspace, name, exit_status(looks, FailOn(fail_on)))
