"""The CLI command `roles`. Prints the SQL for the roles of a database."""

from __future__ import annotations

from pathlib import Path

import click

from ..core.schema.database_roles import Provider
from ..wiring.wiring import Wiring
from . import options
from .printing import print_page


@click.command()
@options.environment
@click.option(
    "--for",
    "provider",
    type=click.Choice([each.value for each in Provider]),
    help="Who runs the server.  [default: detected from the roles of the server, else plain]",
)
@click.option(
    "--only", type=click.Choice(["apply", "plan", "backup"]), help="The SQL for one of the roles.  [default: all]"
)
@click.option("--apply-role", metavar="ROLE", help="[default: the owner of the ledger, else DATABASE_migrator]")
@click.option("--plan-role", metavar="ROLE", help="[default: DATABASE_reader]")
@click.option("--backup-role", metavar="ROLE", help="[default: DATABASE_backup]")
@click.option("--database", metavar="DATABASE", help="Do not connect; print the SQL for a database of this name.")
@options.root
def roles(  # noqa: PLR0913 - one parameter per option
    *,
    name: str,
    provider: str | None,
    only: str | None,
    apply_role: str | None,
    plan_role: str | None,
    backup_role: str | None,
    database: str | None,
    root: Path,
) -> int:
    """Print the SQL that creates the roles for an environment's database.

    One role applies, one plans, one takes backups. Run the SQL as the administrator of the database. Changes nothing
    itself, and sets no password.
    """
    from ..commands.roles import roles as verb
    from ..core.schema.database_roles import names_for
    from ..report.roles import SECTIONS, RoleScript

    wiring = Wiring(root)
    environment = wiring.environment(name)
    facts = verb(environment, databases=wiring.databases, database=database)
    names = names_for(facts, environment.role, apply=apply_role, plan=plan_role, backup=backup_role)
    script = RoleScript(facts, names, Provider(provider) if provider else None)
    print_page(script.text((only,) if only else SECTIONS), "sql")
    return 0
