"""Slows down a batched migration while replicas lag behind, or while sessions wait for its locks."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import field
from datetime import timedelta
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ...sql.nodes import identifier
from ..connection.cancellable_query import Failure, exchange, rows
from ..transaction.message import Spot
from ..transaction.step_failure import StepFailed

if TYPE_CHECKING:
    from ...sql.batch import Batch
    from ..connection.connect import Connection

_LAG = """
select coalesce(pg_catalog.max(extract(epoch from replay_lag)), 0), pg_catalog.count(*) filter (where state is null),
       coalesce(pg_catalog.min(pg_catalog.pg_wal_lsn_diff(replay_lsn, '0/0'::pg_catalog.pg_lsn)), -1),
       pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_flush_lsn(), '0/0'::pg_catalog.pg_lsn)
from pg_catalog.pg_stat_replication
"""
WAITERS = """
select pg_catalog.count(*) from pg_catalog.pg_stat_activity a
where a.wait_event_type operator(pg_catalog.=) 'Lock'
    and pg_catalog.pg_backend_pid() operator(pg_catalog.=) any(pg_catalog.pg_blocking_pids(a.pid))
"""
"""Counts the sessions that wait for a batch's rows or tables. Runs before the batch commits."""
SHORTEST, LONGEST = timedelta(milliseconds=100), timedelta(seconds=10)


@dataclass
class Throttle:
    """Computes the pause between batches."""

    batch: Batch
    _slower: int = 1
    _written: deque[tuple[float, int]] = field(default_factory=deque)
    """WAL positions that the slowest replica has not replayed, each with the time at which it was read."""

    @property
    def pause(self) -> float:
        """Seconds to wait before the next batch."""
        if self._slower == 1:
            return self.batch.pause.total_seconds()
        return min(max(self.batch.pause, SHORTEST) * self._slower, LONGEST).total_seconds()

    def waited(self, sessions: int) -> None:
        """Doubles the pause if sessions waited for the last batch, and halves it otherwise."""
        self._slower = min(self._slower * 2, 1024) if sessions else max(self._slower // 2, 1)

    def lag(self, connection: Connection) -> float:
        """The lag of the slowest replica in seconds. Returns 0 if the lag is within `max_lag`. Raises StepFailed."""
        answer = exchange(connection, _LAG)
        if answer.failure:
            raise StepFailed(answer.failure, Spot(), answer.lost)
        behind, unseen, replayed, written = (float(value or 0) for value in rows(answer.results[-1])[0])
        if unseen and self.batch.lag_asked:
            user = connection.info.user
            what = f"role {user} has no permission to read the replication lag, which `max_lag` needs"
            hint = f"GRANT pg_read_all_stats TO {identifier(user)}; then run the command again"
            raise StepFailed(Failure(what), Spot(), lost=False, hint=hint)
        seconds = max(behind, self._waited_for(int(replayed), int(written)))
        return seconds if seconds > self.batch.max_lag.total_seconds() else 0.0

    def _waited_for(self, replayed: int, written: int) -> float:
        """Seconds since the primary wrote the oldest WAL that the slowest replica has not replayed.

        `replayed` is -1 if there is no replica. The lag in pg_stat_replication is not enough. The server measures it
        only when a replica reports, and has no value for a replica that connected while its replay was paused.
        """
        now = time.monotonic()
        while self._written and self._written[0][1] <= replayed:
            self._written.popleft()
        if replayed < 0:
            self._written.clear()
        elif written > replayed and (not self._written or self._written[-1][1] < written):
            self._written.append((now, written))
        return now - self._written[0][0] if self._written else 0.0
