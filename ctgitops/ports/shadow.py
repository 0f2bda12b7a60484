"""Ports to throw-away databases: replays for merged migrations, and sandboxes for unreviewed SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from ..core.activity.session_leak import SessionLeak
from ..core.environment.environment import Environment, ShadowPolicy
from ..core.impact.impact import StepImpact
from ..core.impact.size import Rates
from ..core.plan.plan import Step
from ..core.plan.replay import ReplayTarget
from ..core.schema.snapshot import Snapshot
from ..core.schema.source_database import SourceDatabase
from ..core.trial.trial import Skipped


class Shadow(Protocol):
    """A throw-away database, as similar to a real one as this machine allows."""

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The known differences from the requested database, formatted for people."""

    def apply(self, steps: tuple[Step, ...]) -> None:
        """Runs steps as apply does. Raises ApplyError."""

    def snapshot(self) -> Snapshot:
        """The schema. Its owner is the role that applies migrations in the real database."""


class Replay(Shadow, Protocol):
    """A throw-away database that is empty at first, for merged SQL."""

    def read_again(self) -> Snapshot:
        """The schema after a dump and restore, which makes PostgreSQL deparse the expressions a second time.

        Empty if the restore fails. `unmatched` then contains the reason.
        """


class Sandbox(Shadow, Protocol):
    """A throw-away copy of a real schema, in which unreviewed SQL cannot reach anything outside."""

    def apply(self, steps: tuple[Step, ...], *, watched: bool = False) -> None:
        """Runs steps. With `watched`, records their locks and work. Raises ApplyError."""

    @property
    def impacts(self) -> Mapping[int, StepImpact]:
        """Maps the number of each step that was run with `watched` to its recorded impact."""

    @property
    def leaks(self) -> Collection[SessionLeak]:
        """The session state that the steps leaked."""

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The statements that any copy skipped. Such a statement names a database."""

    def rates(self) -> Rates:
        """The measured speed of the sandbox's server for each kind of work. Raises ApplyError."""

    def copy(self) -> AbstractContextManager[Shadow]:
        """Another copy of the real schema, in which only the steps in `had` have run."""

    def empty(self) -> AbstractContextManager[Shadow]:
        """Another database with the same roles, but no objects."""


class Shadows(Protocol):
    """Creates throw-away databases."""

    def sandbox(
        self, original: SourceDatabase, policy: ShadowPolicy, had: tuple[Step, ...] = ()
    ) -> AbstractContextManager[Sandbox]:
        """A copy of a real schema, in which the steps in `had` have run. Dropped when the block ends.

        Raises UsageError if a copy is not possible, ApplyError if a step fails.
        """

    def like(self, wanted: ReplayTarget, environment: Environment | None = None) -> AbstractContextManager[Replay]:
        """An empty database like `wanted`, on the server that the environment's manifest names.

        It is dropped when the block ends. Raises UsageError if no such database can be created.
        """
