"""The sandbox: a throw-away database in which unreviewed SQL runs as a role without access to anything outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import psycopg

from ...core.environment.environment import ShadowPolicy
from ...core.impact.size import Rates
from ...core.plan.plan import Step
from ...core.schema.source_database import SourceDatabase
from ...core.trial.trial import Skipped
from ...errors import ApplyError, Cause, LedgerError
from ..catalog.schema_tracker import TrackedSchema
from ..catalog.table_stats import calibrate
from ..connection.connect import Address, connect, refused_as_error
from ..connection.names import unused
from ..server.kept_rates import kept_rates
from ..server.limits import Limits, ResourceGuard
from ..server.local_server import LocalServer
from ..server.programs import Programs
from ..server.server_choice import Server, throw_away
from ..trace.tracer import Tracer
from .copy_name import CopyName, without_databases
from .provision import Provisioner
from .sandbox_copy import ORIGINAL, UNTRUE, SandboxShadow
from .sandbox_server import SandboxServer, server_of
from .trial import NoObserver, Observer

__all__ = ["SandboxDatabases", "SandboxShadow", "sandbox_server", "sandbox_shadow"]


class SandboxDatabases:
    """A sandbox server with limits, and its throw-away databases, which are similar to `original`."""

    def __init__(self, server: Server, guard: ResourceGuard, original: SourceDatabase, allowed: frozenset[str]) -> None:
        self.server = server
        self.original = original
        self.allowed = allowed
        self.notes: list[str] = []
        self.skipped: dict[Skipped, None] = {}
        self.first: TrackedSchema | None = None
        """The schema of the first snapshot. A copy starts with the same schema and the same OIDs."""
        self._guard = guard
        self._shadows: list[SandboxShadow] = []
        self.provisioner = Provisioner(server, original, self.notes)
        self.name = CopyName(server, original)

    def address(self, database: str) -> Address:
        """The address of a database, for the role that runs unreviewed SQL."""
        return Address(self.server.url(database, self.original.role), "a throw-away database")

    def named(self, database: str) -> str:
        """The server's name for `database`, with the server's prefix. This name is never the real database's name."""
        return unused(f"{self.server.prefix}{database}", {self.name.target})

    def runnable(self, step: Step) -> Step:
        """The step to run. On an external server, omits statements that name a database: no copy has this name."""
        if self.server.ours:
            return step
        kept, skipped = without_databases(step)
        self.skipped |= dict.fromkeys(skipped)
        return kept

    def why(self, said: str) -> str:
        """The limit that stopped the server, as text. If no limit did, the server's message `said`."""
        return f"the throw-away server was stopped: {self._guard.why}" if self.ended else said

    def lost(self, said: str) -> ApplyError:
        """The error for a server that no longer answers."""
        error = ApplyError(self.why(said), state=UNTRUE)
        error.cause = Cause.SANDBOX_ENDED if self.ended else Cause.CONNECTION_LOST
        return error

    @contextmanager
    def lost_as_apply_error(self) -> Iterator[None]:
        """Converts a LedgerError into the error for a server that no longer answers."""
        try:
            yield
        except LedgerError as error:
            raise self.lost(error.what) from None

    @property
    def ended(self) -> bool:
        """Whether a limit stopped the server."""
        return bool(self._guard.why)

    def shadow(self, database: str, observer: Observer) -> SandboxShadow:
        """A `SandboxShadow` for the database `database`, which exists."""
        made = SandboxShadow(self, database, observer)
        self._shadows.append(made)
        return made

    @contextmanager
    def another(self, template: str = "template0") -> Iterator[SandboxShadow]:
        """A new database for the duration of a block, created from `template`. Raises UsageError."""
        name = self.named(f"shadow_{len(self._shadows)}")
        with refused_as_error(self.server.address()):
            self.provisioner.database(name, template)
        shadow = self.shadow(name, NoObserver())
        yield shadow
        shadow.close()

    def rates(self) -> Rates:
        """How fast the server works. Keeps the rates of a local server for a day. Raises ApplyError."""
        server = self.server
        return kept_rates(server, self._measured_rates) if isinstance(server, LocalServer) else self._measured_rates()

    def _measured_rates(self) -> Rates:
        name = self.named(f"calibration_{len(self._shadows)}")
        try:
            with connect(self.server.create_database(name), "ctgitops/shadow") as connection:
                return calibrate(connection)
        except (psycopg.Error, LedgerError) as error:
            raise self.lost(str(error).strip()) from None

    def with_steps(self, steps: tuple[Step, ...]) -> str:
        """Runs the merged migrations `steps` in the template. Returns the name of the database for the trial.

        Copies that are created later contain the effects of these steps. Raises ApplyError.
        """
        if not steps:
            return self.named("shadow")
        shadow = self.shadow(self.named(ORIGINAL), NoObserver())
        shadow.apply(steps)
        self.name.give(None)
        shadow.close()
        tried = self.named("tried")
        with refused_as_error(self.server.address()):
            self.provisioner.database(tried, self.named(ORIGINAL))
        return tried

    def close(self) -> None:
        """Closes the connections to all databases of this server."""
        for shadow in self._shadows:
            with suppress(psycopg.Error):
                shadow.close()


@contextmanager
def sandbox_server(
    original: SourceDatabase,
    allowed: frozenset[str] = frozenset(),
    limits: Limits | None = None,
    external: Address | None = None,
    image: str = "",
) -> Iterator[SandboxDatabases]:
    """Starts a sandbox server with the roles of `original`. Its database `shadow` has the schema of `original`.

    Uses the server at `external`, else a container of `image`, else a local server. Raises UsageError.
    """
    limits = limits or Limits()

    def own(programs: Programs) -> SandboxServer:
        return server_of(programs, limits, original)

    with (
        throw_away(original, external, image, limits, own) as server,
        ResourceGuard(server.used, limits, server.end) as guard,
    ):
        sandbox = SandboxDatabases(server, guard, original, allowed)
        provisioner = sandbox.provisioner
        with refused_as_error(server.address()):
            if server.ours and original.database:
                server.make_room(original.database)
            provisioner.roles()
            provisioner.database(sandbox.named(ORIGINAL))
            provisioner.schema(sandbox.named(ORIGINAL))
            provisioner.quiet_ledger(sandbox.named(ORIGINAL))
            provisioner.database(sandbox.named("shadow"), sandbox.named(ORIGINAL))
        try:
            yield sandbox
        finally:
            sandbox.close()


@contextmanager
def sandbox_shadow(
    original: SourceDatabase, policy: ShadowPolicy, external: Address | None = None, had: tuple[Step, ...] = ()
) -> Iterator[SandboxShadow]:
    """Copies `original` to the server that `policy` selects, runs the steps in `had`, and adds a tracer.

    The tracer observes the later steps that run with `watched`. Raises UsageError, ApplyError.
    """
    wanted = replace(original, major=policy.major or original.major)
    with sandbox_server(wanted, frozenset(policy.extensions), external=external, image=policy.image) as sandbox:
        if (here := sandbox.server.major) != original.major and original.major:
            sandbox.notes.append(f"PostgreSQL {original.major} in the real database, {here} in the sandbox")
        shadow = sandbox.shadow(sandbox.with_steps(had), NoObserver())
        with refused_as_error(sandbox.server.address()):
            sandbox.name.give(shadow)
        # The tracer connects as the migrations' role: queries of a superuser could run functions of a migration
        with Tracer(lambda: connect(shadow.address, "ctgitops/trace", {"search_path": "pg_catalog"})) as tracer:
            shadow.watched_by(tracer)
            yield shadow
