"""The command `roles`. Reads the facts about a database that decide the SQL to create its roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.schema.database_roles import DatabaseRoles
from ..errors import LedgerError, UsageError

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..ports.database import Databases


def roles(environment: Environment, *, databases: Databases, database: str | None = None) -> DatabaseRoles:
    """Reads the owners of objects in the environment's database. Does not connect if `database` is given. Read-only."""
    if database:
        return DatabaseRoles(database)
    try:
        return databases.of(environment).roles()
    except (LedgerError, UsageError) as error:
        # The roles of that URL may be those that this SQL is to create
        name = environment.name
        error.hint += (
            "; for this command, the URL of the administrator also works, and "
            f"`ctgitops roles --env {name} --database NAME` needs no URL"
        )
        raise
