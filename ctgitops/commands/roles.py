"""The command `roles`: the facts about a database that the SQL for its roles needs."""

from __future__ import annotations

from ..core.environment.environment import Environment
from ..core.schema.database_roles import DatabaseRoles
from ..ports.database import Databases


def roles(environment: Environment, *, databases: Databases, database: str | None = None) -> DatabaseRoles:
    """Reads the owners of objects in the environment's database; with `database`, does not connect. Read-only."""
    return DatabaseRoles(database) if database else databases.of(environment).roles()
