"""Ports to throw-away databases: replays for merged migrations, and sandboxes for unreviewed SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..core.activity.session_leak import SessionLeak
    from ..core.environment.environment import Environment, ShadowPolicy
    from ..core.impact.impact import StepImpact
    from ..core.impact.size import Rates
    from ..core.plan.plan import Step
    from ..core.plan.replay import ReplayTarget
    from ..core.schema.contents import Contents
    from ..core.schema.schema_history import Changed
    from ..core.schema.snapshot import Snapshot
    from ..core.schema.source_database import SourceDatabase
    from ..core.trial.trial import Skipped


class Shadow(Protocol):
    """A throw-away database that is as similar to a real database as this machine allows."""

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The known differences from the requested database, as text."""

    def apply(self, steps: tuple[Step, ...]) -> None:
        """Runs steps as apply does. Raises ApplyError."""

    def snapshot(self) -> Snapshot:
        """The schema. The owner of the objects is the role that applies migrations in the real database."""


class Replay(Shadow, Protocol):
    """A throw-away database that is empty at first, for merged SQL."""

    def read_again(self) -> Snapshot:
        """The schema after a dump and restore, which makes PostgreSQL deparse the expressions a second time.

        The result is empty if the restore fails. `unmatched` then contains the reason.
        """

    def contents(self) -> Contents:
        """The schema as SQL, all rows, the sequences, and the roles. Raises WorkspaceError if SQL cannot express it."""


class SchemaCopy(Shadow, Protocol):
    """A throw-away copy of a real schema that can be read again and again."""

    def changed_objects(self) -> Changed:
        """The objects that changed since the last call of this method or of `snapshot`.

        The first call on a copy returns what changed since the first snapshot of the sandbox.
        """


class Sandbox(SchemaCopy, Protocol):
    """A throw-away copy of a real schema. Unreviewed SQL in this copy cannot reach anything outside the copy."""

    def apply(self, steps: tuple[Step, ...], *, watched: bool = False) -> None:
        """Runs steps. With `watched`, records the locks and the work of the steps. Raises ApplyError."""

    @property
    def impacts(self) -> Mapping[int, StepImpact]:
        """Maps the number of each step that ran with `watched` to its recorded impact."""

    @property
    def leaks(self) -> Collection[SessionLeak]:
        """The session state that the steps leaked."""

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The statements that at least one copy skipped because they name a database."""

    def rates(self) -> Rates:
        """The measured speed of the sandbox's server for each kind of work. Raises ApplyError."""

    def copy(self) -> AbstractContextManager[SchemaCopy]:
        """Another copy of the real schema, in which only the steps in `had` have run."""

    def empty(self) -> AbstractContextManager[Shadow]:
        """Another database with the same roles, but no objects."""


class OpenCopy(Protocol):
    """A throw-away copy of a real schema to which commands of the project can connect."""

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The known differences from the real database, as text."""

    @property
    def stopped(self) -> str:
        """The limit that stopped the copy's server, as text. Empty if no limit did."""

    def apply(self, steps: tuple[Step, ...]) -> None:
        """Runs steps as apply does. Raises ApplyError."""

    def generate(
        self, rows: Mapping[str, int], statistics: Mapping[str, Mapping[str, tuple[float, float]]]
    ) -> tuple[str, ...]:
        """Adds generated rows: `rows` maps tables to numbers. Returns what differs from the wanted rows, as text.

        `statistics` maps tables and their columns to the null fraction and `n_distinct`. Raises WorkspaceError if a
        table cannot be filled.
        """

    def existing(self, tables: Collection[str]) -> frozenset[str]:
        """Those of the tables that exist in this copy."""

    def fork(self, name: str) -> OpenCopy:
        """Another database on the same server, with the same content. Raises UsageError."""

    def settle(self, *, rewrite: bool = True) -> None:
        """Analyses all tables. With `rewrite`, first rewrites them, so that equal rows use equally many blocks."""

    def variables(self, role: str = "") -> Mapping[str, str]:
        """`DATABASE_URL` and the variables of libpq with which a command connects as `role`.

        The default is the role that applies migrations. Raises UsageError if the copy has no such role.
        """


class OpenCopies(Protocol):
    """Creates throw-away copies to which commands of the project can connect."""

    def open_copy(
        self, original: SourceDatabase, policy: ShadowPolicy, seconds: float
    ) -> AbstractContextManager[OpenCopy]:
        """A copy of a real schema that commands use for at most about `seconds`. Dropped when the block ends.

        Raises UsageError if a copy is not possible.
        """


class Shadows(Protocol):
    """Creates throw-away databases."""

    def sandbox(
        self, original: SourceDatabase, policy: ShadowPolicy, had: tuple[Step, ...] = ()
    ) -> AbstractContextManager[Sandbox]:
        """A copy of a real schema, in which the steps in `had` have run. The copy is dropped when the block ends.

        Raises UsageError if a copy is not possible. Raises ApplyError if a step fails.
        """

    def replayed(
        self, wanted: ReplayTarget, steps: tuple[Step, ...], environment: Environment | None = None
    ) -> AbstractContextManager[Replay]:
        """A database as of `like`, in which `steps` have run. Its schema may be known from an earlier replay.

        The steps run when the schema is read, unless it is known. A step that fails then raises ApplyError.
        """

    def like(self, wanted: ReplayTarget, environment: Environment | None = None) -> AbstractContextManager[Replay]:
        """An empty database that is like `wanted`, on the server that the environment's manifest names.

        The database is dropped when the block ends. Raises UsageError if no such database can be created.
        """
