"""CLI commands that change a database: apply, rollback, reset, unlock, and `action` for GitHub's runner."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..wiring.wiring import Wiring
from . import options
from .log_lines import keep_outcome, say
from .notifications import notify_of, notifying
from .plan_file import fingerprint_in
from .printing import print_page, width_of

if TYPE_CHECKING:
    from ..core.run.outcome import Outcome


@click.command()
@options.environment
@options.target
@options.approved
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Apply only the plan in this file, which `plan --out` wrote.",
)
@click.option(
    "--override",
    "gates",
    metavar="GATE",
    multiple=True,
    help="Start although this gate says wait: `window`, `freeze` or `bake`. Needs `--reason`. Can be repeated.",
)
@click.option(
    "--reason",
    default="",
    help="Why the gates are overridden. The ledger stores the reason, and all receivers of notifications get it.",
)
@options.wait
@options.root
@options.log_format
@options.as_page
def apply(  # noqa: PLR0913 - one parameter per option
    *,
    name: str,
    target: str | None,
    fingerprint: str | None,
    plan_file: Path | None,
    gates: tuple[str, ...],
    reason: str,
    wait: float,
    root: Path,
    form: str,
) -> int:
    """Apply the pending migrations of an environment.

    Takes the run lock and, if the manifest has `backup`, a verified backup. One transaction per migration, or one for
    all with `transaction: all` in the manifest.
    """
    from ..commands.apply import apply as verb
    from ..core.gate.override import Override

    if reason and not gates:
        raise click.UsageError(
            "`--reason` has an effect only with `--override`: add `--override`, or remove `--reason`"
        )
    override = Override.parse(gates, reason)
    if plan_file and fingerprint:
        raise click.UsageError("--plan and --fingerprint are mutually exclusive: give one of them")
    approved, prediction = fingerprint_in(plan_file, name) if plan_file else (fingerprint, None)
    wiring = Wiring(root)
    request = replace(
        wiring.request(name, target=target, approved=approved, wait=wait), prediction=prediction, override=override
    )
    with notifying(wiring, request.environment) as tell:
        outcome = verb(request, databases=wiring.databases, backups=wiring.backups, tell=tell)
    return _print(outcome, form, wiring)


@click.command()
@options.environment
@click.option(
    "--to",
    metavar="MIGRATION",
    help="Last migration to keep: a number, name, file or schema version. 0 rolls back all migrations, unless there is "
    "a migration 000.",
)
@click.option("--steps", type=click.IntRange(1), help="Number of newest migrations to roll back.")
@click.option(
    "--accept-data-loss",
    "accepted",
    metavar="NAME",
    multiple=True,
    help="Roll back this migration (name, number or version) although that destroys data. Can be repeated.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show what would be rolled back and which data that would destroy, and try it on a copy; change nothing.",
)
@options.approved
@options.wait
@options.root
@options.log_format
@options.as_page
def rollback(  # noqa: PLR0913 - one parameter per option
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
    """Roll back the newest migrations with the SQL in the ledger.

    Takes the run lock and a verified backup first, as `apply` does.
    """
    from ..commands.rollback import RollbackExtent, show_rollback
    from ..commands.rollback import rollback as verb
    from ..core.migration.selector import selector_from

    if (to is None) == (steps is None):
        raise click.UsageError("give either `--to MIGRATION` or `--steps N`")
    wiring = Wiring(root)
    request = wiring.request(name, approved=fingerprint, wait=wait, accepted_losses=accepted)
    back = RollbackExtent(to=None if to is None else selector_from(to, "--to"), steps=steps or 0)
    if dry_run:
        return _print(show_rollback(request, back, databases=wiring.databases, shadows=wiring.shadows), form, wiring)
    with notifying(wiring, request.environment) as tell:
        outcome = verb(request, back, databases=wiring.databases, backups=wiring.backups, tell=tell)
    return _print(outcome, form, wiring)


@click.command()
@options.environment
@click.option(
    "--database", metavar="NAME", help="Name of the database, as a confirmation.  [default: typed at a prompt]"
)
@click.option(
    "--role",
    "roles",
    metavar="ROLE",
    multiple=True,
    help="Also drop everything that this role owns. Needed if migrations make this role the owner of objects. Can be "
    "repeated.",
)
@options.wait
@options.root
@options.log_format
@options.as_page
def reset(  # noqa: PLR0913 - one parameter per option
    *, name: str, database: str | None, roles: tuple[str, ...], wait: float, root: Path, form: str
) -> int:
    """Drop everything in a disposable database, then apply all migrations and seed files.

    The manifest on the default branch must have `disposable: true`. Drops everything owned by the role that applies
    migrations, and deletes all ledger entries. Takes no backup.
    """
    from ..commands.reset import Permission, permit
    from ..commands.reset import reset as verb
    from ..files.workspace_copy import default_branch_of

    wiring = Wiring(root)
    request = wiring.request(name, wait=wait)
    event = wiring.environ.get("GITHUB_EVENT_NAME", "")
    permission = Permission(*default_branch_of(root), event, roles, lambda question: _typed(question, database))
    permitted = permit(request, permission, databases=wiring.databases)  # a live display would overwrite the prompt
    with notifying(wiring, request.environment) as tell:
        dropped, outcome = verb(request, permitted, databases=wiring.databases, tell=tell)
    if dropped:
        say(f"dropped {dropped} object{'s' if dropped > 1 else ''} of {name}")
    return _print(outcome, form, wiring)


def _typed(question: str, given: str | None) -> str:
    """Returns the database's name: the option `given`, or the text that the user types at a prompt."""
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise click.UsageError("standard input is not a terminal: confirm with `--database NAME`")
    return str(click.prompt(question, err=True))


@click.command()
@options.environment
@click.option("--end", "ending", flag_value="idle", help="Terminate the run that holds the lock, unless it is active.")
@click.option(
    "--end-at-work", "ending", flag_value="any", help="Terminate the run that holds the lock, even if it is active."
)
@options.root
def unlock(*, name: str, ending: str | None, root: Path) -> int:
    """Show who holds the run lock, or terminate the run that holds it.

    Use it after a run was killed and its sessions are still connected. Sessions of other programs are never terminated.
    """
    from ..commands.unlock import Ending
    from ..commands.unlock import unlock as verb

    wiring = Wiring(root)
    unlocked = verb(wiring.request(name), Ending(ending or "none"), databases=wiring.databases)
    print_page(unlocked.verdict)
    return 0


def _print(outcome: Outcome, form: str, wiring: Wiring) -> int:
    from .main import is_stopping

    if form == "json":
        from ..report.json import outcome_json

        page = outcome_json(outcome)
    elif form == "markdown":
        from ..report.markdown import outcome_markdown

        page = outcome_markdown(outcome, wiring.origin)
    else:
        from ..report.outcome_text import outcome_text

        page = outcome_text(outcome, width_of(sys.stdout))
    print_page(page, form)
    keep_outcome(outcome)
    if not is_stopping():  # a signal leaves only a few seconds
        notify_of(wiring, outcome)
    return outcome.exit_status


@click.command()
def action() -> int:
    """Run one step of a GitHub workflow.

    Reads inputs, event and secrets from the runner, and takes no options.
    """
    from ..action.run import main
    from .main import is_stopping

    return main(stopping=is_stopping)
