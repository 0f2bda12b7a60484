"""Preflight: checks for conflicting sessions and a busy server before a plan begins. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...lazy import dataclass
from ...sql.nodes import identifier
from ..activity.blocker import Blocker, is_backup
from ..environment.apply_policy import connections_for
from ..environment.environment import PreflightAction, PreflightPolicy
from .gate import Reason

HINTS = {
    "long_transactions": (
        "end that session, or wait until it ends; ctgitops does not terminate sessions of other programs"
    ),
    "backups": "wait for the backup, or schedule it at another time",
    "wraparound": "wait for autovacuum: it prevents transaction ID wraparound, and restarts if it is cancelled",
    "replica_lag": "wait for the replica to catch up",
    "connections": (
        "pg_stat_activity shows the sessions that use connections; end some of them, or raise max_connections"
    ),
}


@dataclass(frozen=True)
class ServerCheck:
    """The result of one check of the server."""

    sessions: tuple[Blocker, ...] = ()
    """Sessions that hold or await a lock that conflicts with one of the plan's locks."""
    base_backups: tuple[int, ...] = ()
    """Process IDs of walsenders that send the server's files to pg_basebackup."""
    lag: float | None = 0.0
    """The replication lag of the slowest replica in seconds. None if this role may not see the lag."""
    free: int | None = None
    """The number of connections that this role can still open."""
    maintenance_work_mem: int | None = None
    """The setting `maintenance_work_mem` of the migrations' session, in bytes."""
    unseen: str = ""
    """Why the whole check failed. Empty if the check was successful."""


@dataclass(frozen=True)
class PreflightConcern:
    """A condition that is a reason not to begin now."""

    what: str
    """The condition's key in the manifest."""
    then: PreflightAction
    text: str
    hint: str

    @property
    def reason(self) -> Reason:
        """The condition as a reason for the plan to wait."""
        return Reason("preflight", f"{self.what}: {self.text}", self.hint, expected=self.then is PreflightAction.WAIT)


def concerns(
    policy: PreflightPolicy, seen: ServerCheck, role: str = "", builds: int = 1
) -> tuple[PreflightConcern, ...]:
    """The conditions that preflight found and that the manifest does not ignore.

    `builds` is the number of index builds that run at the same time.
    """
    return tuple(each for each in _found(policy, seen, role, builds) if each.then is not PreflightAction.IGNORE)


def unchecked(policy: PreflightPolicy, seen: ServerCheck, role: str = "", builds: int = 1) -> tuple[str, ...]:
    """The conditions that could not be checked and that the manifest does not name. They do not delay the run.

    Free memory is always such a condition: no setting or view of PostgreSQL shows it.
    """
    memory = (_memory_unknown(builds, seen.maintenance_work_mem),) if builds > 1 else ()
    return (*_unchecked(policy, seen, role), *memory)


def _unchecked(policy: PreflightPolicy, seen: ServerCheck, role: str) -> tuple[str, ...]:
    if seen.unseen:
        return () if policy.asked - {"limits"} else (_not_checked(seen),)
    if seen.lag is None and policy.replica_lag is not PreflightAction.IGNORE and "replica_lag" not in policy.asked:
        return (f"{_lag_unknown(role)}: {_grant(role)}",)
    return ()


def _found(policy: PreflightPolicy, seen: ServerCheck, role: str, builds: int) -> Iterator[PreflightConcern]:
    if seen.unseen and policy.asked - {"limits"}:
        yield PreflightConcern(
            "preflight",
            PreflightAction.REFUSE,
            _not_checked(seen),
            "the manifest sets this key of `preflight`, so the run does not begin without this check",
        )
    yield from (_concern(policy, _kind(who), who.text) for who in seen.sessions if _counts(policy, who))
    for pid in seen.base_backups:
        yield _concern(policy, "backups", f"backend {pid} is running pg_basebackup")
    if seen.lag is None and "replica_lag" in policy.asked and policy.replica_lag is not PreflightAction.IGNORE:
        yield PreflightConcern("replica_lag", PreflightAction.REFUSE, _lag_unknown(role), _grant(role))
    elif seen.lag and seen.lag > policy.limits.lag.total_seconds():
        yield _concern(policy, "replica_lag", f"a replica lags by {seen.lag:.0f} s")
    needed = connections_for(builds)
    required = max(policy.limits.connections, needed)
    if seen.free is not None and seen.free < required:
        text = f"{max(seen.free, 0)} free, but {required} required"
        if needed == required:
            text += f" for {builds} index builds at the same time (`parallel` in the manifest)"
        yield _concern(policy, "connections", text)


def _counts(policy: PreflightPolicy, who: Blocker) -> bool:
    """Whether a blocker delays the run: a session in a long transaction, or a prepared transaction."""
    if _kind(who) != "long_transactions" or who.pid is None:
        return True
    return who.seconds is not None and who.seconds > policy.limits.transaction.total_seconds()


def _kind(who: Blocker) -> str:
    if is_backup(who.application):
        return "backups"
    return "wraparound" if re.match(r"autovacuum:.*to prevent wraparound", who.query) else "long_transactions"


def _concern(policy: PreflightPolicy, what: str, text: str) -> PreflightConcern:
    return PreflightConcern(what, getattr(policy, what), text, HINTS[what])


def _not_checked(seen: ServerCheck) -> str:
    return f"server activity could not be checked: {seen.unseen}"


def _memory_unknown(builds: int, each: int | None) -> str:
    """PostgreSQL limits one build, with all its parallel workers, to `maintenance_work_mem`."""
    if each is None:
        return f"memory for {builds} index builds at the same time: maintenance_work_mem and free memory are unknown"
    size = each // 2**20
    return (
        f"whether the server has {builds * size:,} MB of free memory for {builds} index builds at the same time, "
        f"with maintenance_work_mem = {size:,} MB each"
    )


def _lag_unknown(role: str) -> str:
    return f"role {role} is not allowed to read the replication lag"


def _grant(role: str) -> str:
    return f"GRANT pg_read_all_stats TO {identifier(role)}"
