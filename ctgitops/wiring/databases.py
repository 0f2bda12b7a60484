"""The databases of environments, reached over the URLs in the process environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.environment.environment import Environment
from ..core.gate.gate import Predecessor, Unreadable
from ..core.gate.request import Request
from ..errors import CtgitopsError
from .addresses import Addresses

if TYPE_CHECKING:
    from ..ports.database import Database


@dataclass(frozen=True)
class PostgresDatabases:
    """Implements `ports.database.Databases`."""

    addresses: Addresses
    environment: Callable[[str], Environment]
    """Finds the environment of a name. Raises UsageError."""

    def of(self, environment: Environment) -> Database:
        """The database of an environment. Raises UsageError where its secret is not set."""
        from ..postgres.session.database import PostgresDatabase

        return PostgresDatabase(self.addresses.of(environment))

    def predecessor(self, request: Request) -> Predecessor:
        """The ledger of the environment that `after` names, or why it could not be read."""
        name = request.environment.after
        if name is None:
            return None
        try:
            return self.of(self.environment(name)).ledger()
        except CtgitopsError as error:
            return Unreadable(error.what, error.exit_status)
