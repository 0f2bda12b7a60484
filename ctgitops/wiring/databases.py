"""Connects to the databases of environments, and creates throw-away databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.environment.environment import Environment, ShadowPolicy
from ..errors import CtgitopsError
from ..lazy import dataclass
from ..notify.telemetry import current

if TYPE_CHECKING:
    from ..core.gate.gate import Predecessor
    from ..core.gate.request import Request
    from ..core.plan.plan import Step
    from ..core.plan.replay import ReplayTarget
    from ..core.schema.source_database import SourceDatabase
    from ..ports.database import Database
    from ..ports.shadow import OpenCopy, Replay, Sandbox
    from ..postgres.connection.connect import Address
    from .addresses import Addresses


@dataclass(frozen=True)
class PostgresDatabases:
    """Implements `ports.database.Databases`."""

    addresses: Addresses
    environment: Callable[[str], Environment]
    """Returns the environment of a given name. Raises UsageError if there is none."""

    def of(self, environment: Environment) -> Database:
        """The database of an environment. Raises UsageError if its secret is not set."""
        from ..postgres.session.database import PostgresDatabase

        return PostgresDatabase(self.addresses.of(environment), environment.role)

    def predecessor(self, request: Request) -> Predecessor:
        """The ledger of the environment that the manifest names in `after`, or why this ledger is unreadable."""
        from ..core.gate.gate import Unreadable

        name = request.environment.after
        if name is None:
            return None
        try:
            return self.of(self.environment(name)).ledger()
        except CtgitopsError as error:
            return Unreadable(error.what, error.exit_status)


@dataclass(frozen=True)
class ThrowAwayDatabases:
    """Implements `ports.shadow.Shadows` and `ports.shadow.OpenCopies`."""

    addresses: Addresses

    def replayed(
        self, wanted: ReplayTarget, steps: tuple[Step, ...], environment: Environment | None = None
    ) -> AbstractContextManager[Replay]:
        """A database as of `like`, in which `steps` have run. A local server's schemas are kept for the next run."""
        from ..postgres.shadow.kept_replay import KeptReplay

        policy, wanted = self._wanted(wanted, environment)
        return KeptReplay(wanted, policy, steps, lambda: self._replay(wanted, policy, environment))

    def like(self, wanted: ReplayTarget, environment: Environment | None = None) -> AbstractContextManager[Replay]:
        """An empty throw-away database like `wanted`, which is dropped when the block ends. Raises UsageError."""
        policy, wanted = self._wanted(wanted, environment)
        return self._replay(wanted, policy, environment)

    def _wanted(self, wanted: ReplayTarget, environment: Environment | None) -> tuple[ShadowPolicy, ReplayTarget]:
        if environment and environment.given.schemas:
            wanted = replace(wanted, given=self._given(environment, wanted.major))
        return (environment.shadow if environment else ShadowPolicy()), wanted

    def _replay(
        self, wanted: ReplayTarget, policy: ShadowPolicy, environment: Environment | None
    ) -> AbstractContextManager[Replay]:
        from ..postgres.shadow.replay import replay_shadow

        if environment is None or not policy.url_secret:
            return replay_shadow(wanted, policy)
        return replay_shadow(wanted, policy, self._external(policy), self.addresses.of(environment))

    @contextmanager
    def sandbox(self, original: SourceDatabase, policy: ShadowPolicy, had: tuple[Step, ...] = ()) -> Iterator[Sandbox]:
        """A throw-away copy of a real schema after the steps in `had`. Raises UsageError, ApplyError."""
        from ..postgres.shadow.sandbox import sandbox_shadow

        external = self._external(policy) if policy.url_secret else None
        with current().block("trial"), sandbox_shadow(original, policy, external, had) as made:
            yield made

    @contextmanager
    def open_copy(self, original: SourceDatabase, policy: ShadowPolicy, seconds: float) -> Iterator[OpenCopy]:
        """A throw-away copy of a real schema to which commands can connect. Raises UsageError."""
        from ..postgres.shadow.open_copy import open_copy

        external = self._external(policy) if policy.url_secret else None
        with current().block("copy"), open_copy(original, policy, seconds, external) as made:
            yield made

    def _given(self, environment: Environment, major: int | None) -> str:
        """The SQL of the given schemas that the environment's database has."""
        from ..postgres.catalog.source_database import given_sql

        return given_sql(self.addresses.of(environment), environment.given, major)

    def _external(self, policy: ShadowPolicy) -> Address:
        return self.addresses.named(policy.url_secret or "", "the shadow")
