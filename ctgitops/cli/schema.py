"""CLI commands for schemas: snapshot, schema, diff, drift, verify."""

from __future__ import annotations

from pathlib import Path

import click

from ..wiring.wiring import Wiring
from . import options
from .notifications import notify_of_drift
from .printing import print_page, print_unread


@click.command()
@options.environment
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.  [default: stdout]")
@options.root
def snapshot(name: str, out: Path | None, root: Path) -> int:
    """Write an environment's schema in canonical form, for `diff`.

    JSON with one line per object.
    """
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
@options.environment
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Write the schema artifact here."
)
@options.root
def schema(name: str, out: Path, root: Path) -> int:
    """Write a schema artifact of an environment, for `try --from`.

    The artifact contains the schema, the names of roles, and the list of applied migrations. It contains no rows and no
    passwords. Read-only.
    """
    from ..commands.schema import schema as verb
    from ..core.trial.schema_artifact import artifact_text

    wiring = Wiring(root)
    target = verb(wiring.request(name), databases=wiring.databases)
    wiring.write(out, artifact_text(name, target))
    print_page(f"{name}: PostgreSQL {target.original.major}, {len(target.ledger.applied)} applied, in {out}")
    return 0


@click.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@options.root
@options.as_page
def diff(before: str, after: str, root: Path, form: str) -> int:
    """Compare two schemas.

    A and B are each an environment, a file from `snapshot`, the receipt of a backup, or `migrations`: the schema that
    all files produce in an empty database. Exit status 1: the schemas differ.
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
@click.option(
    "--predecessor/--no-predecessor",
    default=None,
    help="Also compare each environment with the environment in its `after`, and list differences that no migration "
    "explains.  [default: if the secret with the URL of that environment is set]",
)
@options.root
@options.as_page
def drift(name: str | None, *, predecessor: bool | None, root: Path, form: str) -> int:
    """Compare live schemas with their ledgers, and with their predecessors.

    Shows differences from the schema that the migrations in the ledger produce. Read-only. Exit status 1: there is
    drift. An environment that cannot be checked is an error.
    """
    from ..commands.drift import Predecessors
    from ..commands.drift import drift as verb
    from ..core.view.drift import exit_status
    from ..report import drift as pages

    wiring = Wiring(root)
    names = [name] if name else wiring.environment_names
    wanted = Predecessors(wiring.request, wiring.addresses.known, required=predecessor is True)
    results = verb(
        tuple(wiring.request(each) for each in names),
        databases=wiring.databases,
        shadows=wiring.shadows,
        predecessors=None if predecessor is False else wanted,
    )
    page = {"json": pages.drift_json, "markdown": pages.drift_markdown, "text": pages.drift_text}[form]
    print_page(page(results), form)
    notify_of_drift(wiring, results)
    return print_unread(wiring.workspace, name, exit_status(results))


@click.command()
@options.any_environment
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "never"]),
    default="warning",
    show_default=True,
    help="Lowest severity of a finding that gives exit status 1.",
)
@click.option(
    "--deep",
    is_flag=True,
    help="Also search for rows that violate a foreign key, CHECK, NOT NULL or unique index. Reads whole tables, for at "
    "most one minute each and ten minutes in total.",
)
@options.root
@options.as_page
def verify(name: str | None, fail_on: str, *, deep: bool, root: Path, form: str) -> int:
    """Verify that databases match their ledgers.

    Checks the ledger, the files, verify queries, invalid indexes, constraints and row-level security.
    """
    from ..commands.verify import verify as verb
    from ..core.view.preview import FailOn
    from ..core.view.verify import exit_status
    from ..report import verify as pages

    wiring = Wiring(root)
    names = [name] if name else wiring.environment_names
    results = verb(tuple(wiring.request(each) for each in names), databases=wiring.databases, deep=deep)
    page = {"json": pages.verify_json, "markdown": pages.verify_markdown, "text": pages.verify_text}[form]
    print_page(page(results), form)
    return print_unread(wiring.workspace, name, exit_status(results, FailOn(fail_on)))
