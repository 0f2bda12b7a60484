"""CLI command `repair`: records in the ledger a fact that a person confirmed."""

from __future__ import annotations

from pathlib import Path

import click

from ..core.gate.request import Request
from ..wiring.wiring import Wiring
from . import options
from .printing import print_page


@click.command()
@click.argument("migrations", metavar="[MIGRATION]...", nargs=-1)
@options.environment
@click.option("--applied", "fact", flag_value="applied", help="It is in the database as its file says.")
@click.option("--not-applied", "fact", flag_value="not-applied", help="It is not in the database, or no longer.")
@click.option("--again", "fact", flag_value="again", help="It was rolled back, and is to be applied again.")
@click.option(
    "--statement",
    type=click.IntRange(1),
    help="Say it of this statement alone, of an unfinished migration that runs outside a transaction.",
)
@click.option("--adopt", "fact", flag_value="adopt", help="This database, a copy or one that moved, is that of --env.")
@click.option(
    "--as-it-is",
    "fact",
    flag_value="as-it-is",
    help="The schema is as it should be, though it is not what a plan predicted.",
)
@click.option("--reason", default="", help="How you know; it goes into the ledger.")
@options.wait
@options.root
def repair(  # noqa: PLR0913 - one parameter an option
    *,
    migrations: tuple[str, ...],
    name: str,
    fact: str | None,
    statement: int | None,
    reason: str,
    wait: float,
    root: Path,
) -> int:
    """Accept a fact into the ledger, on the record: about a migration, the schema, or which database this is."""
    wiring = Wiring(root)
    if fact in _WHOLE:
        if migrations or statement is not None:
            raise click.UsageError(f"`--{fact}` is about the whole database: leave the migration out")
        return _WHOLE[fact](wiring, wiring.request(name, wait=wait), reason)
    if not migrations:
        raise click.UsageError("say which migration, by its number, name or version, or `--adopt`, or `--as-it-is`")
    if fact is None:
        raise click.UsageError("say what is true: `--applied` or `--not-applied`; or accept it again: `--again`")
    if fact == "again" and statement is not None:
        raise click.UsageError("`--again` is about the whole migration: leave `--statement` out")
    if fact != "again" and len(migrations) > 1:
        raise click.UsageError(f"`--{fact}` is said of one migration at a time")
    request = wiring.request(name, wait=wait)
    if fact == "again":
        return _accept_again(wiring, request, migrations, reason)
    return _correct(wiring, request, (migrations[0], fact, reason), statement)


def _correct(wiring: Wiring, request: Request, said: tuple[str, str, str], statement: int | None) -> int:
    from ..commands.repair import Correction, Fact
    from ..commands.repair import repair as verb
    from ..core.migration.selector import selector_from

    migration, fact, reason = said
    correction = Correction(selector_from(migration, "repair"), Fact(fact), reason, statement)
    with wiring.console() as tell:
        entry = verb(request, correction, databases=wiring.databases, tell=tell)
    print_page(f"{request.environment.name}: {entry.name} is on record as {fact.replace('-', ' ')}: {entry.error}")
    return 0


def _accept_again(wiring: Wiring, request: Request, migrations: tuple[str, ...], reason: str) -> int:
    from ..commands.repair import Correction, Fact
    from ..commands.repair import accept_again as verb
    from ..core.migration.selector import selector_from

    meant = tuple(Correction(selector_from(each, "repair"), Fact.AGAIN, reason) for each in migrations)
    with wiring.console() as tell:
        entries = verb(request, meant, databases=wiring.databases, tell=tell)
    for entry in entries:
        print_page(f"{request.environment.name}: {entry.name} is on record as {entry.error}")
    return 0


def _adopt(wiring: Wiring, request: Request, reason: str) -> int:
    from ..commands.repair import adopt as verb

    with wiring.console() as tell:
        entry, ledger_id = verb(request, reason, databases=wiring.databases, tell=tell)
    name = request.environment.name
    print_page(f"{name}: this database is that of {name} from now on, with ledger {ledger_id}: {entry.error}")
    return 0


def _accept(wiring: Wiring, request: Request, reason: str) -> int:
    from ..commands.repair import accept as verb

    with wiring.console() as tell:
        entry = verb(request, reason, databases=wiring.databases, tell=tell)
    print_page(f"{request.environment.name}: its schema is on record as it should be: {entry.error}")
    return 0


_WHOLE = {"adopt": _adopt, "as-it-is": _accept}
"""Repairs of the whole database, by option."""
