"""A throw-away copy to which commands of the project connect, over the network and with a password."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from ...errors import UsageError
from ..connection.connect import connect, refused_as_error
from ..server.external_server import ExternalServer
from ..server.limits import Limits
from ..statistics.settled_tables import settle
from .extensions import as_admin
from .generated_rows import generate_rows
from .sandbox import sandbox_server
from .sandbox_databases import STATEMENT_TIMEOUT
from .sandbox_server import LOOPBACK, OpenServer
from .trial import NoObserver

if TYPE_CHECKING:
    from ...core.environment.environment import ShadowPolicy
    from ...core.plan.plan import Step
    from ...core.schema.source_database import SourceDatabase
    from ..connection.connect import Address
    from .generated_rows import Statistics
    from .sandbox_databases import SandboxDatabases

CONNECTIONS = 110
"""Maximum number of connections to the server. A test suite usually has several pools of connections."""


class OpenCopy:
    """Implements `ports.shadow.OpenCopy`."""

    def __init__(self, sandbox: SandboxDatabases, database: str = "shadow") -> None:
        self._sandbox = sandbox
        self.shadow = sandbox.shadow(sandbox.named(database), NoObserver())
        self._passwords: dict[str, str] = {}
        """Maps the roles that can log in to their passwords, which all databases of the server share."""

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The known differences from the real database, as text."""
        return self.shadow.unmatched

    @property
    def stopped(self) -> str:
        """The limit that stopped the server, as text. Empty if no limit did."""
        return self._sandbox.stopped

    def apply(self, steps: tuple[Step, ...]) -> None:
        """Runs steps as the migrations' role. Raises ApplyError."""
        self.shadow.apply(steps)

    def generate(self, rows: Mapping[str, int], statistics: Statistics) -> tuple[str, ...]:
        """Adds generated rows as the migrations' role. Returns differences as text. Raises WorkspaceError."""
        settings = {"search_path": "", "statement_timeout": STATEMENT_TIMEOUT}
        with connect(self.shadow.address, "ctgitops/shadow", settings) as connection:
            return generate_rows(connection, rows, statistics)

    def existing(self, tables: Collection[str]) -> frozenset[str]:
        """Those of the tables that exist in this copy."""
        with connect(self.shadow.address, "ctgitops/shadow", {"search_path": ""}) as connection:
            query = "select t from unnest(%s::text[]) t where pg_catalog.to_regclass(t) is not null"
            return frozenset(str(name) for (name,) in connection.execute(query, [list(tables)]).fetchall())

    def fork(self, name: str) -> OpenCopy:
        """Another database on the same server, with the same content. Writes. Raises UsageError."""
        self.shadow.close()
        with refused_as_error(self._sandbox.server.address()):
            self._sandbox.provisioner.database(self._sandbox.named(name), self.shadow.database)
        forked = OpenCopy(self._sandbox, name)
        forked._passwords = self._passwords
        return forked

    def settle(self, *, rewrite: bool = True) -> None:
        """Analyses all tables. With `rewrite`, first rewrites them, so that equal rows use equally many blocks."""
        self.shadow.close()
        settings = {"search_path": "", "statement_timeout": STATEMENT_TIMEOUT}
        with refused_as_error(self.shadow.address), connect(self.shadow.address, "ctgitops/shadow", settings) as own:
            settle(own, rewrite=rewrite)

    def variables(self, role: str = "") -> Mapping[str, str]:
        """Lets a role log in, and returns the variables with which a command connects as this role. Writes."""
        who = role or self._sandbox.original.role
        password = self._password(who)
        host, port = self._host_and_port()
        database = self.shadow.database
        user, name = quote(who, safe=""), quote(database, safe="")
        self.shadow.close()
        return {
            "DATABASE_URL": f"postgresql://{user}:{quote(password, safe='')}@{host}:{port}/{name}",
            "PGHOST": host,
            "PGPORT": port,
            "PGUSER": who,
            "PGPASSWORD": password,
            "PGDATABASE": database,
        }

    def _password(self, role: str) -> str:
        """Gives a role a password and the right to connect. Raises UsageError if the copy has no such role."""
        server = self._sandbox.server
        known = self._passwords.get(role) or secrets.token_urlsafe(18)
        password = server.password if isinstance(server, ExternalServer) else known
        name = sql.Identifier(role)
        with refused_as_error(server.address()), as_admin(server) as admin:
            query = "select rolsuper from pg_catalog.pg_roles where rolname = %s and rolname !~ '^pg_'"
            # Never a superuser: on an external server, it would have access to other databases
            if admin.execute(query, [role]).fetchone() != (False,):
                hint = "create the role in a migration, or name another role with `--role`"
                raise UsageError(f"the copy has no role `{role}`", hint=hint)
            admin.execute(sql.SQL("alter role {} login connection limit -1 password {}").format(name, password))
            database = sql.Identifier(self.shadow.database)
            admin.execute(sql.SQL("grant connect on database {} to {}").format(database, name))
        self._passwords[role] = password
        return password

    def _host_and_port(self) -> tuple[str, str]:
        server = self._sandbox.server
        if isinstance(server, OpenServer):
            return LOOPBACK, str(server.port)
        found = conninfo_to_dict(server.url())
        return str(found.get("host") or LOOPBACK), str(found.get("port") or 5432)


@contextmanager
def open_copy(
    original: SourceDatabase, policy: ShadowPolicy, seconds: float, external: Address | None = None
) -> Iterator[OpenCopy]:
    """Copies `original` to the server that `policy` selects. Raises UsageError.

    The server's time limit is that of a trial, and `seconds` in addition.
    """
    wanted = replace(original, major=policy.major or original.major)
    trial = Limits()
    limits = replace(trial, seconds=trial.seconds + seconds, connections=CONNECTIONS)
    extensions = frozenset(policy.extensions)
    with sandbox_server(wanted, extensions, limits, external, policy.image, kind=OpenServer) as sandbox:
        if (here := sandbox.server.major) != original.major and original.major:
            sandbox.notes.append(f"PostgreSQL {original.major} in the real database, {here} in the copy")
        copy = OpenCopy(sandbox)
        with refused_as_error(sandbox.server.address()):
            sandbox.name.give(copy.shadow)
        yield copy
