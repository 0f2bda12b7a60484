"""Ports to throw-away databases: replays of merged migrations, and sandboxes for unreviewed SQL."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from ..core.environment.environment import Environment, ShadowPolicy
from ..core.plan.plan import Step
from ..core.plan.replay import ReplayTarget
from ..core.schema.snapshot import Snapshot
from ..core.schema.source_database import SourceDatabase
from ..core.trial.impact import StepImpact
from ..core.trial.projection import Rates
from ..core.trial.trial import Skipped


class Shadow(Protocol):
    """A throw-away database, as similar to a real one as this machine allows."""

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The known differences from the database that was asked for, formatted for people."""

    def bring(self, steps: tuple[Step, ...]) -> None:
        """Applies steps in it, as an apply does. Raises ApplyError."""

    def snapshot(self) -> Snapshot:
        """Its schema, with owners as if the role that applies migrations in the real database had created it."""


class Replay(Shadow, Protocol):
    """A throw-away database that begins empty, for merged SQL."""

    def read_again(self) -> Snapshot:
        """Its schema after a dump and restore, so that expressions are deparsed a second time.

        Empty if that is not possible, which `unmatched` then reports.
        """


class Sandbox(Shadow, Protocol):
    """A throw-away copy of a real schema, in which unreviewed SQL cannot reach anything outside."""

    def bring(self, steps: tuple[Step, ...], *, watched: bool = False) -> None:
        """Applies steps in it; with `watched`, their locks and work are recorded. Raises ApplyError."""

    @property
    def impacts(self) -> Mapping[int, StepImpact]:
        """The recorded impact of each step that was applied with `watched`, by the step's number."""

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The statements that were skipped in any of its copies, because they name a database."""

    def rates(self) -> Rates:
        """The speed of its server at each kind of work. Raises ApplyError."""

    def copy(self) -> AbstractContextManager[Shadow]:
        """Another copy beside it, to which no step was applied."""

    def empty(self) -> AbstractContextManager[Shadow]:
        """Another database beside it, with the same roles and no objects."""


class Shadows(Protocol):
    """Creates throw-away databases."""

    def sealed(
        self, original: SourceDatabase, policy: ShadowPolicy, had: tuple[Step, ...] = ()
    ) -> AbstractContextManager[Sandbox]:
        """A copy of a real schema to which the steps in `had` were applied, dropped when the block ends.

        Raises UsageError if a copy is not possible, ApplyError if a step fails.
        """

    def like(self, wanted: ReplayTarget, environment: Environment | None = None) -> AbstractContextManager[Replay]:
        """An empty one, on the server that the environment's manifest names, dropped when the block ends.

        Raises UsageError if it is not possible.
        """
