"""Runs the preflight checks before the first step, in one round trip. Waits for conditions that may improve."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import field, replace
from typing import TYPE_CHECKING

from ...core.environment.environment import PreflightAction
from ...core.gate.gate import Reason
from ...core.gate.preflight import PreflightConcern, ServerCheck, concerns, unchecked
from ...core.run.progress import Listener, PreflightAwaited, PreflightUnchecked, SessionConnected
from ...lazy import dataclass
from ...sql.locks import LockMode, RequiredLock
from ..connection.cancellable_query import Answer, exchange_or_rollback, rest, rows
from ..connection.effective_settings import effective_settings
from .blockers import BlockerWatch, blocker_of, blocker_query

if TYPE_CHECKING:
    from ...core.activity.blocker import Blocker
    from ...core.gate.request import Request
    from ...core.plan.plan import Plan
    from ..connection.connect import Connection

LOOK_SECONDS = 0.5

FREE_CONNECTIONS = """
current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true), '0')::int
    - (select count(*) from pg_stat_activity where usesysid is not null and datid is not null),
(select case when datconnlimit >= 0 then datconnlimit - count(a.pid) end
 from pg_database d left join pg_stat_activity a on a.datid = d.oid and a.usesysid is not null
 where d.datname = current_database() group by datconnlimit)
"""
"""SQL expressions for the numbers of connections that this role can still open, on the server and in the database.

A number is null if there is no limit.
"""

FREE_OF_ROLE = """
(select case when r.rolconnlimit >= 0 and not r.rolsuper then r.rolconnlimit - count(a.pid) end
 from pg_roles r left join pg_stat_activity a on a.usesysid = r.oid
 where r.rolname = session_user group by r.rolconnlimit, r.rolsuper)
"""
"""An SQL expression for the number of connections that the connection limit of this role still allows, or null."""

# Without pg_read_all_stats, a role may not see the replication lag, nor the transaction age of other roles. Every role
# may see who holds which lock, how many connections exist, and that a base backup is running.
_SERVER = f"""
begin;
set local search_path = pg_catalog;
select (select max(extract(epoch from replay_lag)) from pg_stat_replication),
       (select count(*) from pg_stat_replication where state is null),
       (select string_agg(pid::text, ' ') from pg_stat_progress_basebackup),
       {FREE_CONNECTIONS}, {FREE_OF_ROLE}, pg_size_bytes(current_setting('maintenance_work_mem'));
commit
"""  # noqa: S608 - constants only


@dataclass
class Preflight:
    """The checks of one run. `assert_lock_held` raises an error if the run lock is lost."""

    request: Request
    assert_lock_held: Callable[[], None]
    tell: Listener
    _settings_reported: bool = False
    _first_seen: dict[str, float] = field(default_factory=dict)
    """Maps virtual transaction IDs to when each transaction was first seen. Used if this role may not see ages."""

    def reasons(self, connection: Connection, plan: Plan) -> tuple[Reason, ...]:
        """Waits for conditions that may improve. Then returns the reasons why `plan` cannot start.

        Empty if the plan needs no strong lock. The first call also reports the effective session settings.
        """
        if not self._settings_reported and (found := effective_settings(connection)):
            self._settings_reported = True
            self.tell(SessionConnected(found))
        self._first_seen.clear()
        wanted = BlockerWatch().wanted(plan.steps)
        if not any(lock.mode >= LockMode.SHARE_UPDATE_EXCLUSIVE for lock in wanted):
            return ()
        try:
            return self._reasons(connection, wanted, plan.builds)
        except KeyboardInterrupt:  # between two statements, it is not an Interrupted
            hint = "run the command again"
            return (
                Reason("preflight", "the run was asked to stop while preflight waited for better conditions", hint),
            )

    def _reasons(self, connection: Connection, wanted: tuple[RequiredLock, ...], builds: int) -> tuple[Reason, ...]:
        deadline = time.monotonic() + self.request.environment.timeouts.retry_for.total_seconds()
        reported: frozenset[str] = frozenset()
        while found := self._concerns(connection, wanted, builds, first=not reported):
            if any(c.then is PreflightAction.REFUSE for c in found) or time.monotonic() > deadline:
                return tuple(concern.reason for concern in found)
            kinds = frozenset(concern.what for concern in found)
            if kinds - reported:
                self.tell(PreflightAwaited(found))
            reported |= kinds
            rest(LOOK_SECONDS)
            self.assert_lock_held()
        return ()

    def _concerns(
        self, connection: Connection, wanted: tuple[RequiredLock, ...], builds: int, *, first: bool
    ) -> tuple[PreflightConcern, ...]:
        policy, role = self.request.environment.preflight, connection.info.user
        seen = self._known(connection, wanted, policy.limits.transaction.total_seconds())
        if first:
            for what in unchecked(policy, seen, role, builds):
                self.tell(PreflightUnchecked(what))
        return concerns(policy, seen, role, builds)

    def _known(self, connection: Connection, wanted: tuple[RequiredLock, ...], limit: float) -> ServerCheck:
        """The current conditions. Waits until each session of unknown age ends or has been seen for `limit` seconds."""
        began = time.monotonic()
        seen = self._see(connection, wanted)
        least = 0.0
        while time.monotonic() - began <= limit and any(
            who.transaction in self._first_seen and least <= (who.seconds or 0) <= limit for who in seen.sessions
        ):
            rest(LOOK_SECONDS)
            seen = self._see(connection, wanted)
            least = LOOK_SECONDS / 2  # ignores sessions that began since: new ones begin all the time
        return seen

    def _see(self, connection: Connection, wanted: tuple[RequiredLock, ...]) -> ServerCheck:
        answer = exchange_or_rollback(connection, f"{_SERVER};{blocker_query(connection, wanted)}")
        if answer.failure:
            return ServerCheck(unseen=answer.failure.message)
        return replace(_server(answer), sessions=tuple(self._aged(each) for each in _sessions(answer)))

    def _aged(self, who: Blocker) -> Blocker:
        """The blocker with its age. If this role may not see the age, the time since the blocker was first seen."""
        if who.seconds is not None or who.pid is None:
            return who
        now = time.monotonic()
        return replace(who, seconds=now - self._first_seen.setdefault(who.transaction, now))


def _sessions(answer: Answer) -> tuple[Blocker, ...]:
    return tuple(blocker_of(row) for row in rows(answer.results[-1]))


def _server(answer: Answer) -> ServerCheck:
    lag, hidden, base_backups, *free, memory = rows(answer.results[2])[0]
    left = [int(value) for value in free if value is not None]
    return ServerCheck(
        base_backups=tuple(int(pid) for pid in (base_backups or "").split()),
        lag=None if int(hidden or 0) else float(lag or 0),
        free=min(left),
        maintenance_work_mem=int(memory) if memory else None,
    )
