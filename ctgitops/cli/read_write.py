"""CLI commands that change a database: apply, rollback, unlock."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from ..core.run.outcome import Outcome
from ..wiring.wiring import Wiring
from . import options
from .printing import print_page
from .read_only import fingerprint_in
from .terminal import width_of


@click.command()
@options.environment
@options.target
@options.approved
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Refuse any other plan than the one in this file, which `plan --out` wrote.",
)
@options.wait
@options.root
@options.as_page
def apply(  # noqa: PLR0913 - one parameter an option
    *,
    name: str,
    target: str | None,
    fingerprint: str | None,
    plan_file: Path | None,
    wait: float,
    root: Path,
    form: str,
) -> int:
    """Bring an environment to its target: under the lock, after a proved backup, one transaction a migration."""
    from ..commands.apply import apply as verb

    if plan_file and fingerprint:
        raise click.UsageError("--plan and --fingerprint say the same thing: give one of them")
    approved, prediction = fingerprint_in(plan_file, name) if plan_file else (fingerprint, None)
    wiring = Wiring(root)
    request = replace(wiring.request(name, target=target, approved=approved, wait=wait), prediction=prediction)
    with wiring.console() as tell:
        outcome = verb(request, databases=wiring.databases, backups=wiring.backups, tell=tell)
    return _print(outcome, form, wiring)


@click.command()
@options.environment
@click.option(
    "--to",
    metavar="MIGRATION",
    help="Undo all that came after this migration (a number, a name, a file or a schema version); 0, where there is no "
    "000, undoes everything.",
)
@click.option("--steps", type=click.IntRange(1), help="Undo this many of the newest migrations.")
@click.option(
    "--accept-data-loss",
    "accepted",
    metavar="NAME",
    multiple=True,
    help="Undo this migration although that destroys data; its name, number or version, once for each.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be undone and which data that destroys; do nothing.")
@options.approved
@options.wait
@options.root
@options.as_page
def rollback(  # noqa: PLR0913 - one parameter an option
    *,
    name: str,
    to: str | None,
    steps: int | None,
    accepted: tuple[str, ...],
    dry_run: bool,
    fingerprint: str | None,
    wait: float,
    root: Path,
    form: str,
) -> int:
    """Undo the newest migrations with the rollback SQL that the ledger holds, as safely as apply."""
    from ..commands.rollback import Back, show_rollback
    from ..commands.rollback import rollback as verb
    from ..core.migration.selector import selector_from

    if (to is None) == (steps is None):
        raise click.UsageError("say how far back: `--to MIGRATION` or `--steps N`")
    wiring = Wiring(root)
    request = wiring.request(name, approved=fingerprint, wait=wait, accepted_losses=accepted)
    back = Back(to=None if to is None else selector_from(to, "--to"), steps=steps or 0)
    if dry_run:
        return _print(show_rollback(request, back, databases=wiring.databases), form, wiring)
    with wiring.console() as tell:
        outcome = verb(request, back, databases=wiring.databases, backups=wiring.backups, tell=tell)
    return _print(outcome, form, wiring)


@click.command()
@options.environment
@click.option("--end", "ending", flag_value="idle", help="End that run, unless it is at work or alive.")
@click.option("--end-at-work", "ending", flag_value="any", help="End it, whatever it is doing.")
@options.root
def unlock(*, name: str, ending: str | None, root: Path) -> int:
    """Show who holds the run lock, and end a run that is gone but whose sessions are not. Ends nobody else's."""
    from ..commands.unlock import Ending
    from ..commands.unlock import unlock as verb

    wiring = Wiring(root)
    unlocked = verb(wiring.request(name), Ending(ending or "none"), databases=wiring.databases)
    print_page(unlocked.verdict)
    return 0


def _print(outcome: Outcome, form: str, wiring: Wiring) -> int:
    if form == "json":
        from ..report.json import outcome_json

        page = outcome_json(outcome)
    elif form == "markdown":
        from ..report.markdown import outcome_markdown

        page = outcome_markdown(outcome, wiring.origin)
    else:
        from ..report.text import outcome_text

        page = outcome_text(outcome, width_of(sys.stdout))
    print_page(page, form)
    return outcome.exit_status
