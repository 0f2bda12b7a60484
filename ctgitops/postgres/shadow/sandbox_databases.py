"""The throw-away databases of a sandbox, in which unreviewed SQL runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg

from ...core.plan.plan import Step
from ...errors import ApplyError, Cause, LedgerError, Place
from ...sql.redact import redact, redact_message
from ..catalog.table_stats import calibrate
from ..connection.cancellable_query import Failure
from ..connection.connect import Address, Connection, connect, refused_as_error
from ..connection.names import unused
from ..server.kept_rates import kept_rates
from ..server.local_server import LocalServer
from ..trace.tracer import Tracer
from ..transaction.message import Spot
from ..transaction.step_failure import StepFailed
from .copy_name import CopyName, without_databases
from .extensions import Extensions
from .provision import Provisioner
from .schema_tracker import SchemaReader
from .trial import NoObserver, Observer, try_step

if TYPE_CHECKING:
    from ...core.activity.session_leak import SessionLeak
    from ...core.impact.impact import StepImpact
    from ...core.impact.size import Rates
    from ...core.schema.schema_history import Changed
    from ...core.schema.snapshot import Snapshot
    from ...core.schema.source_database import SourceDatabase
    from ...core.trial.trial import Skipped
    from ..server.limits import ResourceGuard
    from ..server.server_choice import Server
    from .schema_tracker import TrackedSchema

ORIGINAL = "original"
"""The name of the template database of all copies. No unmerged migration ever runs in this database."""
UNTRUE = "failed in a throw-away database; no real database was changed"
STATEMENT_TIMEOUT = "120s"


class SandboxShadow:
    """One database of a sandbox server. Migrations run as the role of the original database, never as the superuser."""

    def __init__(self, sandbox: SandboxDatabases, database: str, observer: Observer) -> None:
        self.database = database
        self.spare = database
        """The name of this database while another database has the real name."""
        self._sandbox = sandbox
        self._observer = observer
        self._extensions = Extensions(sandbox.server, lambda: self.database, sandbox.original, sandbox.allowed)
        self._connection: Connection | None = None
        self._reader = SchemaReader(lambda: self.address, sandbox.first and sandbox.first.copy())
        self.leaks: dict[SessionLeak, None] = {}

    @property
    def unmatched(self) -> tuple[str, ...]:
        """Known differences from the original database, as text."""
        return tuple(self._sandbox.notes)

    def apply(self, steps: tuple[Step, ...], *, watched: bool = False) -> None:
        """Runs steps in this database. With `watched`, records the impact of the steps. Raises ApplyError."""
        observer = self._observer if watched else NoObserver()
        with refused_as_error(self._sandbox.server.address()):
            self._sandbox.name.give(self)
        for step in map(self._sandbox.runnable, steps):
            try:
                for piece in self._extensions.pieces(step):
                    if isinstance(piece, Step):
                        self.leaks |= dict.fromkeys(try_step(self._connected(), piece, observer))
                    else:
                        piece()
                self._sandbox.provisioner.reopen(self.database, step)
            except StepFailed as failed:
                raise self._error(step, failed) from None
            except psycopg.Error as error:
                # The tracer lost its connection
                raise self._error(step, StepFailed(Failure(str(error).strip()), Spot(), lost=True)) from None

    @property
    def impacts(self) -> Mapping[int, StepImpact]:
        """Maps the number of each step that ran with `watched` to its recorded impact."""
        return self._observer.impacts if isinstance(self._observer, Tracer) else {}

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The statements that at least one copy skipped because they name a database."""
        return tuple(self._sandbox.skipped)

    def rates(self) -> Rates:
        """How fast this server does each kind of work. Raises ApplyError."""
        return self._sandbox.rates()

    def snapshot(self) -> Snapshot:
        """Reads the whole schema."""
        with self._sandbox.lost_as_apply_error():
            found = self._reader.snapshot()
        self._sandbox.first = self._sandbox.first or self._reader.known.copy()
        return found

    def changed_objects(self) -> Changed:
        """Reads what changed since the last read, or in a copy, since the sandbox's first snapshot."""
        with self._sandbox.lost_as_apply_error():
            return self._reader.changed()

    def copy(self) -> AbstractContextManager[SandboxShadow]:
        """Another copy of the original, in which no step of the trial has run."""
        return self._sandbox.another(self._sandbox.named(ORIGINAL))

    def empty(self) -> AbstractContextManager[SandboxShadow]:
        """An empty database on the same server, with the same roles."""
        return self._sandbox.another()

    @property
    def address(self) -> Address:
        """The current address of this database, for the role that runs unreviewed SQL."""
        return self._sandbox.address(self.database)

    def watched_by(self, observer: Observer) -> None:
        """Sets the observer of the steps that run with `watched`."""
        self._observer = observer

    def close(self) -> None:
        """Closes the connections to this database."""
        if self._connection is not None:
            self._connection.close()
        self._reader.close()
        if isinstance(self._observer, Tracer):
            self._observer.rest()

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            try:
                self._connection = connect(self.address, "ctgitops/shadow", {"statement_timeout": STATEMENT_TIMEOUT})
            except LedgerError as error:
                raise StepFailed(Failure(error.what), Spot(), lost=True) from None
            self._sandbox.provisioner.ledger(self.database, self._connection, self.address)
        return self._connection

    def _error(self, step: Step, failed: StepFailed) -> ApplyError:
        failure, secrets = failed.failure, step.script.secrets
        said = self._sandbox.why(failure.message) if failed.lost else failure.message
        error = ApplyError(
            f"{step.name}: {redact_message(said, secrets)}",
            place=failed.spot.place_shown or Place(step.script.path),
            sqlstate=failure.sqlstate,
            statement=redact(failed.spot.statement),
            statement_line=failed.spot.line,
            detail=redact_message(failure.detail, secrets),
            state=UNTRUE,
            hint=failed.hint,
        )
        error.cause = Cause.SANDBOX_ENDED if failed.lost and self._sandbox.ended else failed.cause
        return error


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

    @property
    def stopped(self) -> str:
        """The limit that stopped the server, as text. Empty if no limit did."""
        return self._guard.why

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
