"""Creates the checks of `doctor` that share a session in one environment's database."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ..lazy import dataclass
from ..ports.examination import Examination, Look

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..postgres.doctor.doctor_session import DoctorSession
    from .addresses import Addresses

SPARE = 4
"""The connections that a backup needs besides its parallel jobs: for run lock, snapshot, counts and progress."""


@dataclass(frozen=True)
class DatabaseLooks:
    """The checks of one environment's database, and the checks of this machine that depend on this database."""

    environment: Environment
    addresses: Addresses
    root: Path
    today: date

    @property
    def _dumps(self) -> bool:
        backup = self.environment.backup
        return backup is not None and not backup.provider

    def _session(self) -> DoctorSession:
        from ..postgres.doctor.doctor_session import DoctorSession

        return DoctorSession(lambda: self.addresses.of(self.environment), self.environment.role)

    @property
    def _needed(self) -> int:
        """The number of connections that a run and its backup need."""
        from ..backup.pg_dump import jobs
        from ..core.environment.apply_policy import connections_for

        builds = connections_for(self.environment.apply_policy.parallel)
        return max(self.environment.preflight.limits.connections, builds) + (jobs() + SPARE if self._dumps else 0)

    def database(self) -> Examination:
        """The checks that read the database."""
        from ..postgres.doctor import connection_checks, server_checks, state_checks
        from ..postgres.doctor.grant_checks import GrantChecks

        session, environment, name = self._session(), self.environment, self.environment.name
        has_backup = environment.backup is not None
        looks: dict[str, Look] = {
            "connect": lambda: connection_checks.reachable(session),
            "tls": lambda: connection_checks.tls(session, environment.url_secret),
            "certificate": lambda: connection_checks.certificate(session),
            "pooler": lambda: connection_checks.pooler(session),
            "clock": lambda: connection_checks.clock(session),
            "ledger": lambda: state_checks.ledger(session, name),
            "run-lock": lambda: state_checks.run_lock(session, name),
            "apply-grants": lambda: GrantChecks(session, name, environment.role).apply(),
            "plan-grants": lambda: GrantChecks(session, name, environment.role).plan(),
            "role-settings": lambda: state_checks.role_settings(session),
            "invalid-indexes": lambda: state_checks.invalid_indexes(session),
            "statistics": lambda: state_checks.statistics(session),
            "server-version": lambda: server_checks.server_version(session, self.today),
            "connections": lambda: server_checks.connections(session, self._needed),
            "extensions": lambda: server_checks.extensions(session, environment),
            "recovery": lambda: server_checks.recovery(session, has_backup=has_backup),
        }
        return Examination(name, looks, session.close)

    def machine(self) -> Examination:
        """The checks of this machine that depend on the server's version and size."""
        from ..backup import store_checks
        from ..postgres.doctor import machine_checks

        session, environment = self._session(), self.environment
        secret = environment.shadow.url_secret
        external = (lambda: self.addresses.named(secret, "the shadow")) if secret else None
        looks: dict[str, Look] = {
            "dump-client": lambda: machine_checks.dump_client(session, dumps=self._dumps),
            "trial": lambda: machine_checks.trial(session, environment, external),
            "disk": lambda: store_checks.disk(session, environment, self.root),
        }
        return Examination(environment.name, looks, session.close)
