"""Throw-away databases, on a server that is started for them or on the one that a manifest's `shadow.url` names."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.environment.environment import Environment, ShadowPolicy
from .addresses import Addresses

if TYPE_CHECKING:
    from ..core.plan.plan import Step
    from ..core.plan.replay import ReplayTarget
    from ..core.schema.source_database import SourceDatabase
    from ..ports.shadow import Replay, Sandbox
    from ..postgres.connection.connect import Address


@dataclass(frozen=True)
class ThrowAwayDatabases:
    """Implements `ports.shadow.Shadows`."""

    addresses: Addresses

    def like(self, wanted: ReplayTarget, environment: Environment | None = None) -> AbstractContextManager[Replay]:
        """An empty throw-away database like `wanted`, dropped when the block ends. Raises UsageError."""
        from ..postgres.shadow.replay import replay_shadow

        policy = environment.shadow if environment else ShadowPolicy()
        if environment is None or not policy.url_secret:
            return replay_shadow(wanted, policy)
        return replay_shadow(wanted, policy, self._external(policy), self.addresses.of(environment))

    def sealed(
        self, original: SourceDatabase, policy: ShadowPolicy, had: tuple[Step, ...] = ()
    ) -> AbstractContextManager[Sandbox]:
        """A throw-away copy of a real schema with steps, dropped when the block ends. Raises UsageError, ApplyError."""
        from ..postgres.shadow.sandbox import sealed_shadow

        return sealed_shadow(original, policy, self._external(policy) if policy.url_secret else None, had)

    def _external(self, policy: ShadowPolicy) -> Address:
        return self.addresses.named(policy.url_secret or "", "the shadow")
