"""CLI commands that record facts in the ledger: repair, baseline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..commands.repair import Correction, Fact, accept, accept_again, adopt
from ..commands.repair import repair as repair_verb
from ..core.migration.selector import selector_from
from ..wiring.wiring import Wiring
from . import options
from .notifications import alerting
from .printing import print_page

if TYPE_CHECKING:
    from ..core.gate.request import Request


@click.command()
@click.argument("migrations", metavar="[MIGRATION]...", nargs=-1)
@options.environment
@click.option(
    "--applied", "fact", flag_value="applied", help="The database has this migration, as its file defines it."
)
@click.option("--not-applied", "fact", flag_value="not-applied", help="The database does not have this migration.")
@click.option("--again", "fact", flag_value="again", help="Allow a rolled-back migration to be applied again.")
@click.option(
    "--statement",
    type=click.IntRange(1),
    help="Only this statement of an unfinished migration that runs outside a transaction.",
)
@click.option(
    "--adopt",
    "fact",
    flag_value="adopt",
    help="Accept this database, which was copied or moved, as the database of --env.",
)
@click.option(
    "--as-it-is",
    "fact",
    flag_value="as-it-is",
    help="The schema is correct although it differs from a plan's prediction.",
)
@click.option("--reason", default="", help="How you confirmed the fact. Stored in the ledger.")
@options.wait
@options.root
@options.log_format
def repair(  # noqa: PLR0913 - one parameter per option
    *,
    migrations: tuple[str, ...],
    name: str,
    fact: str | None,
    statement: int | None,
    reason: str,
    wait: float,
    root: Path,
) -> int:
    """Record in the ledger a fact that you confirmed.

    The fact is about migrations, the schema, or the identity of the database.
    """
    wiring = Wiring(root)
    if fact in _WHOLE:
        if migrations or statement is not None:
            raise click.UsageError(f"`--{fact}` applies to the whole database: leave out the migration")
        return _WHOLE[fact](wiring, wiring.request(name, wait=wait), reason)
    if not migrations:
        raise click.UsageError("give a migration (number, name or version), `--adopt` or `--as-it-is`")
    if fact is None:
        raise click.UsageError("give one of `--applied`, `--not-applied` and `--again`")
    if fact == "again" and statement is not None:
        raise click.UsageError("`--again` applies to the whole migration: leave out `--statement`")
    if fact != "again" and len(migrations) > 1:
        raise click.UsageError(f"`--{fact}` takes one migration at a time")
    request = wiring.request(name, wait=wait)
    if fact == "again":
        return _accept_again(wiring, request, migrations, reason)
    return _correct(wiring, request, (migrations[0], fact, reason), statement)


def _correct(wiring: Wiring, request: Request, said: tuple[str, str, str], statement: int | None) -> int:
    migration, fact, reason = said
    correction = Correction(selector_from(migration, "repair"), Fact(fact), reason, statement)
    with alerting(wiring, request.environment) as tell:
        entry = repair_verb(request, correction, databases=wiring.databases, tell=tell)
    print_page(f"{request.environment.name}: {entry.name} recorded as {fact.replace('-', ' ')}: {entry.error}")
    return 0


def _accept_again(wiring: Wiring, request: Request, migrations: tuple[str, ...], reason: str) -> int:
    meant = tuple(Correction(selector_from(each, "repair"), Fact.AGAIN, reason) for each in migrations)
    with alerting(wiring, request.environment) as tell:
        entries = accept_again(request, meant, databases=wiring.databases, tell=tell)
    for entry in entries:
        print_page(f"{request.environment.name}: {entry.name} is {entry.error}")
    return 0


def _adopt(wiring: Wiring, request: Request, reason: str) -> int:
    with alerting(wiring, request.environment) as tell:
        entry, ledger_id = adopt(request, reason, databases=wiring.databases, tell=tell)
    name = request.environment.name
    print_page(f"{name}: this database now belongs to {name}, with ledger {ledger_id}: {entry.error}")
    return 0


def _accept(wiring: Wiring, request: Request, reason: str) -> int:
    with alerting(wiring, request.environment) as tell:
        entry = accept(request, reason, databases=wiring.databases, tell=tell)
    print_page(f"{request.environment.name}: schema recorded as correct: {entry.error}")
    return 0


_WHOLE = {"adopt": _adopt, "as-it-is": _accept}
"""Maps each option that concerns the whole database to the function that records the fact."""


@click.command()
@options.environment
@click.option(
    "--at",
    metavar="MIGRATION",
    help="Last migration that the database has: a number, name, file, schema version or `latest`.  [default: the "
    "last one in the other tool's ledger]",
)
@click.option(
    "--accept-differences",
    "reason",
    default="",
    metavar="REASON",
    help="Accept differences of the schemas; the ledger stores the differences and the reason.",
)
@click.option(
    "--keep-in-step/--no-keep-in-step",
    "in_step",
    default=None,
    help="Start or stop writing each apply and rollback also to the other tool's ledger.",
)
@options.wait
@options.root
@options.log_format
@options.as_page
def baseline(  # noqa: PLR0913 - one parameter per option
    *, name: str, at: str | None, reason: str, in_step: bool | None, wait: float, root: Path, form: str
) -> int:
    """Take over an existing database that has no ledger yet.

    Without --at, the applied migrations are read from the ledger of another migration tool in the database. The schema
    of the database must match the schema that the migration files produce. No migration is run on the database. If the
    schemas differ, the differences are shown, nothing is recorded, and the exit status is 1.

    With --keep-in-step, both tools can be used: ctgitops also writes to the other tool's ledger, and records what the
    other tool applies. For a database that already has a ledger, the option only begins or ends this.
    """
    from ..commands.baseline import baseline as verb
    from ..core.run.baseline import TakeOver
    from ..report import baseline as pages

    wiring = Wiring(root)
    request = wiring.request(name, wait=wait)
    if in_step is False or (in_step and wiring.databases.of(request.environment).ledger().applied):
        return _set_in_step(wiring, request, wanted=in_step)
    with alerting(wiring, request.environment) as tell:
        done = verb(
            request,
            TakeOver(selector_from(at, "--at") if at else None, reason, keep_in_step=bool(in_step)),
            databases=wiring.databases,
            shadows=wiring.shadows,
            tell=tell,
        )
    page = {"json": pages.baseline_json, "markdown": pages.baseline_markdown, "text": pages.baseline_text}[form]
    print_page(page(done), form)
    return done.exit_status


def _set_in_step(wiring: Wiring, request: Request, *, wanted: bool) -> int:
    from ..commands.baseline import begin_to_keep_in_step, end_keeping_in_step

    verb = begin_to_keep_in_step if wanted else end_keeping_in_step
    with alerting(wiring, request.environment) as tell:
        table = verb(request, databases=wiring.databases, tell=tell)
    what = "is kept in step from now on" if wanted else "is no longer kept in step"
    print_page(f"{request.environment.name}: {table} {what}")
    return 0
