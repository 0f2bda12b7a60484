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
    """A throw-away database, like a real one as far as this machine can."""

    @property
    def unmatched(self) -> tuple[str, ...]:
        """In what it is not like what was wanted, in words."""

    def bring(self, steps: tuple[Step, ...]) -> None:
        """Carries out steps in it, as an apply does. Raises ApplyError."""

    def snapshot(self) -> Snapshot:
        """Its schema, as if whoever applies migrations in the real one had made it."""


class Replay(Shadow, Protocol):
    """A throw-away database that was empty, for what was merged."""

    def read_again(self) -> Snapshot:
        """Its schema once a dump of it was restored: as PostgreSQL prints what it read from its own print.

        Empty where that cannot be had, which `unmatched` then says.
        """


class Sandbox(Shadow, Protocol):
    """A throw-away copy of a real schema, in which SQL that nobody reviewed reaches nothing outside of it."""

    def bring(self, steps: tuple[Step, ...], *, watched: bool = False) -> None:
        """Carries out steps in it; `watched` where what they do is to be looked at. Raises ApplyError."""

    @property
    def impacts(self) -> Mapping[int, StepImpact]:
        """What was seen of the steps that were brought watched, by their numbers."""

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Statements that were not run in any of its copies, because they name a database."""

    def rates(self) -> Rates:
        """How quick its server is at each work. Raises ApplyError."""

    def copy(self) -> AbstractContextManager[Shadow]:
        """One more copy beside it, in which nothing was brought yet."""

    def empty(self) -> AbstractContextManager[Shadow]:
        """One more database beside it, with the same roles and nothing in it."""


class Shadows(Protocol):
    """Where throw-away databases come from."""

    def sealed(
        self, original: SourceDatabase, policy: ShadowPolicy, had: tuple[Step, ...] = ()
    ) -> AbstractContextManager[Sandbox]:
        """A copy of a real schema, in which these steps were brought, gone when the block ends.

        Raises UsageError where none can be had, ApplyError where a step does not run.
        """

    def like(self, wanted: ReplayTarget, environment: Environment | None = None) -> AbstractContextManager[Replay]:
        """An empty one, on the server that the environment's manifest wants, which is gone when the block ends.

        Raises UsageError where none can be had.
        """
